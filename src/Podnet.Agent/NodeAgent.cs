using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Agent.Config;
using Podnet.Agent.Health;
using Podnet.Agent.Metrics;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Converters;

namespace Podnet.Agent;

/// <summary>
/// The agent of one node: what the API server says → what the kernel of this network namespace does. It runs in the node's
/// namespace, writes nothing before all its caches are full, and takes nothing away when the API server or it itself goes.
/// </summary>
public static class NodeAgent
{
    /// <summary>Runs until cancelled, and says on standard output what it does.</summary>
    /// <exception cref="KubeconfigException">The kubeconfig, or without one the pod's service account, cannot be used.</exception>
    public static Task RunAsync(AgentOptions options, CancellationToken ct) => RunAsync(options, new LineLogger(Console.Out, options.LogLevel), ct);

    internal static async Task RunAsync(AgentOptions options, ILogger logger, CancellationToken ct)
    {
        using var client = options.Kubeconfig is { } kubeconfig ? ApiClient.FromKubeconfig(kubeconfig) : ApiClient.InCluster();
        logger.Started(options.NodeName, options.ProxyMode, client.Server);
        ProcessSettings.Apply(options, logger);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var cluster = new ClusterStateBuilder(logger);
        var status = new AgentStatus(options, logger);
        var self = Channel.CreateBounded<V1Node>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var nodes = new ListWatch<V1Node>(client, Resources.Nodes, new OwnNode(options.NodeName, cluster.Nodes, self.Writer), logger);
        var countedServices = new CountingSink<V1Service>(cluster.Services, _ => status.Metrics.ServiceChanged());
        var countedSlices = new CountingSink<V1EndpointSlice>(cluster.EndpointSlices, slice => status.Metrics.EndpointSliceChanged(ChangeTrigger.Of(slice)));
        var services = new ListWatch<V1Service>(client, Resources.Services, countedServices, logger, ProxyLabels.Selectors);
        var slices = new ListWatch<V1EndpointSlice>(client, Resources.EndpointSlices, countedSlices, logger, ProxyLabels.Selectors);
        var cidrs = new ListWatch<V1ServiceCIDR>(client, Resources.ServiceCidrs, cluster.ServiceCidrs, logger) { Older = Resources.BetaServiceCidrs };
        var events = new LeftOutEvents(client, options.NodeName, logger);
        cluster.LeftOut = events.Add;
        using var dataplane = new NodeDataplane(options, status);
        var loop = new ReconcileLoop(dataplane.Parts, LoopTiming.For(options), logger) { Observer = status };
        var programmed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = false;
        loop.Applied = state =>
        {
            // The first sync leaves far more behind than all that comes after it: given back once, it makes a third of the agent's memory.
            if (!started)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            started = true;
            // Before it has pod CIDRs a node has no network that could work.
            if (state.Nodes.TryGetValue(options.NodeName, out var node) && !node.PodCidrs.IsEmpty)
                programmed.TrySetResult();
        };
        Task[] tasks =
        [
            nodes.RunAsync(stop.Token),
            services.RunAsync(stop.Token),
            slices.RunAsync(stop.Token),
            cidrs.RunAsync(stop.Token),
            events.RunAsync(stop.Token),
            loop.RunAsync(stop.Token),
            RulesetWatch.RunAsync(dataplane.Ruleset, loop.Look, stop.Token),
            ApplyAsync(),
            ReportAsync(),
            PagesAsync(),
        ];
        await StopTogetherAsync(tasks, stop);
        logger.Stopping();

        // It ends at once where there are no pages to serve, which is no reason for the others to end.
        async Task PagesAsync()
        {
            await new StatusPages(options, status, logger).RunAsync(stop.Token);
            await Task.Delay(Timeout.Infinite, stop.Token);
        }

        async Task ApplyAsync()
        {
            await Task.WhenAll(nodes.Synced, services.Synced, slices.Synced, cidrs.Synced).WaitAsync(stop.Token);
            var state = cluster.Current;
            logger.Synced(state.Nodes.Count, state.Services.Count, state.EndpointSlices.Values.Sum(slices => slices.Length));
            cluster.Subscribe(loop.Want);
            await Task.Delay(Timeout.Infinite, stop.Token);
        }

        async Task ReportAsync()
        {
            await programmed.Task.WaitAsync(stop.Token);
            // Again when somebody took it away: the Node may have been deleted and made anew.
            await foreach (var node in self.Reader.ReadAllAsync(stop.Token))
            {
                if (!NetworkCondition.IsSet(node))
                    await NetworkCondition.SetAsync(client, options.NodeName, logger, stop.Token);
            }
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
