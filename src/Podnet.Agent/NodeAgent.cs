using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Converters;

namespace Podnet.Agent;

/// <summary>
/// The agent of one node: what the API server says → what the kernel of this network namespace does. It runs in the node's
/// namespace, writes nothing before all its caches are full, and takes nothing away when the API server or it itself goes.
/// </summary>
public static class NodeAgent
{
    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="KubeconfigException">The kubeconfig cannot be used.</exception>
    public static async Task RunAsync(AgentOptions options, ILogger logger, CancellationToken ct)
    {
        using var client = ApiClient.FromKubeconfig(options.Kubeconfig);
        logger.Started(options.NodeName, options.ProxyMode, client.Server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var nodes = new Informer<k8s.Models.V1Node>(client, Resources.Nodes, logger);
        var services = new Informer<k8s.Models.V1Service>(client, Resources.Services, logger, ProxyLabels.Selectors);
        var slices = new Informer<k8s.Models.V1EndpointSlice>(client, Resources.EndpointSlices, logger, ProxyLabels.Selectors);
        var cluster = new ClusterStateBuilder(logger);
        cluster.Follow(nodes);
        cluster.Follow(services);
        cluster.Follow(slices);
        using var dataplane = new NodeDataplane(options);
        var loop = new ReconcileLoop(dataplane.Parts, new LoopTiming { SyncPeriod = options.SyncPeriod }, logger);
        var programmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Applied = state =>
        {
            if (state.Nodes.ContainsKey(options.NodeName))
                programmed.TrySetResult();
        };
        Task[] tasks =
        [
            nodes.RunAsync(stop.Token),
            services.RunAsync(stop.Token),
            slices.RunAsync(stop.Token),
            loop.RunAsync(stop.Token),
            ApplyAsync(),
            ReportAsync(),
        ];
        await StopTogetherAsync(tasks, stop);
        logger.Stopping();

        async Task ApplyAsync()
        {
            await Task.WhenAll(nodes.Synced, services.Synced, slices.Synced).WaitAsync(stop.Token);
            cluster.Changed = () => loop.Want(cluster.Current);
            var state = cluster.Current;
            logger.Synced(state.Nodes.Count, state.Services.Count, state.EndpointSlices.Count);
            loop.Want(state);
            await Task.Delay(Timeout.Infinite, stop.Token);
        }

        async Task ReportAsync()
        {
            await programmed.Task.WaitAsync(stop.Token);
            await NetworkCondition.SetAsync(client, options.NodeName, logger, stop.Token);
            await Task.Delay(Timeout.Infinite, stop.Token);
        }
    }

    /// <summary>None of them ends unless it is stopped or broken: then the others end too, and what broke is thrown.</summary>
    private static async Task StopTogetherAsync(Task[] tasks, CancellationTokenSource stop)
    {
        var first = await Task.WhenAny(tasks);
        await stop.CancelAsync();
        await Task.WhenAll(tasks).ContinueWith(static _ => { }, TaskScheduler.Default);
        if (first.IsFaulted)
            await first;
    }
}
