using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Kubernetes;
using Podnet.Local;
using Podnet.Local.Config;

namespace Podnet.Cli;

/// <summary>Brings a cluster up step by step, shows each, and takes everything away again if one fails.</summary>
internal sealed class ClusterStart(ClusterSpec spec, Companions companions, UserManifests manifests, Progress progress)
{
    // Arbitrary: far above what a loaded machine needs. What is not ready by then will not be soon.
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(90);

    private readonly ClusterPaths _paths = new(spec.Name);

    internal async Task RunAsync(CancellationToken cancel)
    {
        if (!ClusterRecord.TryCreate(_paths, spec))
        {
            throw new UserError(_paths.IsRunning() || ClusterRecord.Load(_paths) is not { CameUp: true }
                ? $"cluster \"{spec.Name}\" is there already: see 'podnet status{Flag}', or take it away with 'podnet down{Flag}'"
                : $"cluster \"{spec.Name}\" is there already, and stopped: bring it back with 'podnet start{Flag}', or take it away with 'podnet down{Flag}'");
        }

        try
        {
            await StartControlPlaneAsync(cancel);
            using var client = ApiClient.FromKubeconfig(_paths.Kubeconfig);
            await manifests.CreateAsync(client, cancel);
            if (manifests.Count > 0)
                progress.Done($"{manifests.Count} objects created");
            await WaitAndShowAsync(client, spec.Nodes.Length, pods => ClusterReadiness.Missing(pods, manifests.Pods), cancel);
        }
        catch (Exception e) when (e is not NotReadyError)
        {
            // Nothing half-made is left behind.
            progress.Now("taking away what was made");
            ClusterCleanup.Run(_paths, progress.Now);
            throw;
        }
    }

    /// <summary>The same for a cluster that is there and does not run. Where that fails it is stopped again.</summary>
    internal async Task ResumeAsync(CancellationToken cancel)
    {
        try
        {
            await StartControlPlaneAsync(cancel);
            using var client = ApiClient.FromKubeconfig(_paths.Kubeconfig);
            var nodes = await client.ListAsync(Resources.Nodes, null, null, cancel);
            await WaitAndShowAsync(client, nodes.Count, ClusterReadiness.Unsettled, cancel);
        }
        catch (Exception e) when (e is not NotReadyError)
        {
            progress.Now("stopping what was started");
            ClusterCleanup.Stop(_paths, progress.Now);
            throw;
        }
    }

    private string Flag => ClusterOption.NameFlag(spec.Name);

    private async Task StartControlPlaneAsync(CancellationToken cancel)
    {
        progress.Now("starting the control plane");
        using var controlPlane = ControlPlaneProcess.Start(_paths, companions.Podnet);
        await controlPlane.WaitUntilReadyAsync(progress.Done, cancel);
    }

    private async Task WaitAndShowAsync(
        ApiClient client, int nodeCount, Func<IReadOnlyCollection<V1Pod>, IEnumerable<string>> missing, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var nodes = new Informer<V1Node>(client, Resources.Nodes, NullLogger.Instance);
        var pods = new Informer<V1Pod>(client, Resources.Pods, NullLogger.Instance);
        var changed = new SemaphoreSlim(0);
        nodes.Changed = (_, _) => changed.Release();
        pods.Changed = (_, _) => changed.Release();
        Task[] running = [nodes.RunAsync(stop.Token), pods.RunAsync(stop.Token)];
        await WaitAsync("nodes", () => ClusterReadiness.Missing(nodeCount, nodes.Items), changed, cancel);
        progress.Done($"{nodeCount} nodes ready");
        await pods.Synced.WaitAsync(cancel);
        await WaitAsync("pods", () => missing(pods.Items), changed, cancel);
        if (pods.Items.Count(ClusterReadiness.IsReady) is > 0 and var ready)
            progress.Done($"{ready} pods ready");

        var services = await client.ListAsync(Resources.Services, null, null, cancel);
        await WaitForAnswersAsync(client, services, nodes.Items, pods.Items, cancel);
        await stop.CancelAsync();
        await Task.WhenAll(running).ContinueWith(_ => { }, TaskScheduler.Default);
        progress.Dispose();
        Console.WriteLine();
        StatusTables.Print(nodes.Items, pods.Items, services);
        Console.WriteLine();
        Console.WriteLine($"Cluster \"{spec.Name}\" is up after {progress.Elapsed.TotalSeconds:0.00} s.  export KUBECONFIG={_paths.Kubeconfig}");
    }

    private async Task WaitAsync(string what, Func<IEnumerable<string>> missing, SemaphoreSlim changed, CancellationToken cancel)
    {
        var deadline = progress.Elapsed + ReadyTimeout;
        while (true)
        {
            var list = missing().ToList();
            if (list.Count == 0)
                return;
            progress.Now($"waiting for {string.Join("; ", list)}");
            if (!await changed.WaitAsync(deadline - progress.Elapsed, cancel))
            {
                throw new NotReadyError(
                    $"after {ReadyTimeout.TotalSeconds:0} s the cluster still waits for {string.Join("; ", list)}; it is left running: 'podnet status{Flag}' shows it, 'podnet down{Flag}' takes it away");
            }
        }
    }

    /// <summary>Every Service that has endpoints answers on every node: the agents have put in what the API server says.</summary>
    private async Task WaitForAnswersAsync(
        ApiClient client, IReadOnlyCollection<V1Service> services, IReadOnlyCollection<V1Node> nodes, IReadOnlyCollection<V1Pod> pods,
        CancellationToken cancel)
    {
        var deadline = progress.Elapsed + ReadyTimeout;
        var slices = await client.ListAsync(Resources.EndpointSlices, null, null, cancel);
        while (ServiceReadiness.Unserved(services, pods, slices).FirstOrDefault() is { } unserved)
        {
            progress.Now($"waiting for the endpoints of Service {unserved}");
            if (progress.Elapsed > deadline)
                throw new NotReadyError($"Service {unserved} has ready pods and no endpoints; the cluster is left running: see 'podnet status{Flag}'");
            await Task.Delay(10, cancel);
            slices = await client.ListAsync(Resources.EndpointSlices, null, null, cancel);
        }

        var targets = ServiceReadiness.Targets(services, slices).ToList();
        foreach (var (service, address) in targets)
        {
            foreach (var node in nodes.Select(n => n.Metadata.Name).Order())
            {
                progress.Now($"waiting for Service {service} at {address} to answer on {node}");
                while (!await ServiceReadiness.AnswersAsync(_paths.NodeNamespace(node), address, cancel))
                {
                    if (progress.Elapsed > deadline)
                        throw new NotReadyError($"Service {service} at {address} does not answer on {node}; the cluster is left running: see 'podnet explain service {service}{Flag} --node {node}'");
                    await Task.Delay(10, cancel);
                }
            }
        }

        var answering = targets.DistinctBy(target => target.Service).Count();
        if (answering > 0)
            progress.Done($"{answering} {(answering == 1 ? "Service answers" : "Services answer")} on every node");
    }
}

/// <summary>The cluster came up, but what runs in it is not ready: it is left for the user to look at.</summary>
internal sealed class NotReadyError(string message) : UserError(message);
