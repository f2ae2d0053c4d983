using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Runs the pods that are bound to one node, and says in the API server what has become of them. Several run in one process.
/// </summary>
/// <remarks>
/// It is its pods' containers' parent (by being the subreaper), so it learns of their end at once, by no polling. A kubelet
/// that starts anew ends what an earlier one of the node left, and runs the pods again with their restart counts.
/// </remarks>
public sealed class Kubelet(KubeletOptions options, ApiClient client, ILogger logger)
{
    /// <summary>After a failure that no step of a pod foresees. Arbitrary.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly EventWriter _events = new(client, options.NodeName, logger);
    private readonly Dictionary<string, PodRunner> _runners = [];
    private readonly HashSet<Task> _workers = [];
    private readonly TaskCompletionSource<IReadOnlyList<string>> _podCidrs = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<V1Node> _object = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeRuntime? _node;

    /// <summary>Runs until cancelled; containers go on then, and <see cref="RemovePodsAsync"/> or <see cref="KubeletCleanup"/> ends them.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        ChildProcess.BecomeSubreaper();
        using var all = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // Before anything is waited for: it takes longest and depends on nothing.
        var mask = Task.Run(() => MaskLayer.Ensure(options.Paths), all.Token);
        var nodes = new Informer<V1Node>(client, Resources.Nodes, logger, new ListSelectors(Field: $"metadata.name={options.NodeName}"))
        {
            Changed = (_, node) => NodeChanged(node, all.Token),
        };
        Task[] tasks = [nodes.RunAsync(all.Token), _events.RunAsync(all.Token), RunPodsAsync(mask, all.Token), KeepLeaseAsync(all.Token)];
        var first = await Task.WhenAny(tasks);
        await all.CancelAsync();
        await WorkersEndedAsync(mask);
        await first;
    }

    /// <summary>Ends every container of this node and gives its addresses back, for a node that leaves; after <see cref="RunAsync"/> has ended.</summary>
    public async Task RemovePodsAsync()
    {
        if (_node is not null)
            await _node.RemoveLeftoversAsync();
        await NodeLease.RemoveAsync(client, options.NodeName, logger);
    }

    /// <summary>After this nothing of the kubelet makes a file or a process any more.</summary>
    private async Task WorkersEndedAsync(Task mask)
    {
        Task[] workers;
        lock (_runners)
            workers = [mask, .. _workers];
        // Each ends by the cancellation, which is no failure here.
        await Task.WhenAll(workers).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private async Task KeepLeaseAsync(CancellationToken ct) =>
        await new NodeLease(client, await _object.Task.WaitAsync(ct), logger).RunAsync(ct);

    private async Task RunPodsAsync(Task<string> mask, CancellationToken ct)
    {
        var podCidrs = await _podCidrs.Task.WaitAsync(ct);
        logger.NodeKnown(options.NodeName, string.Join(", ", podCidrs));
        var node = _node = new NodeRuntime(options, podCidrs, mask, new ApiPodObjects(client), logger);
        await node.RemoveLeftoversAsync();
        var pods = new Informer<V1Pod>(client, Resources.Pods, logger, new ListSelectors(Field: $"spec.nodeName={options.NodeName}"))
        {
            Changed = (before, now) => PodChanged(node, before, now, ct),
        };
        await Task.WhenAny(pods.RunAsync(ct), node.Logs.RunAsync(ct)).Unwrap();
    }

    /// <summary>What the node lets clients do with its pods; null until it knows its pod CIDRs.</summary>
    internal NodeRuntime? Node => _node;

    /// <summary>Null if it doesn't run.</summary>
    internal RunningContainer? RunningContainer(string podUid, string container)
    {
        lock (_runners)
            return _runners.TryGetValue(podUid, out var runner) ? runner.Running(container) : null;
    }

    private void NodeChanged(V1Node? node, CancellationToken ct)
    {
        if (node is null)
            return;
        _object.TrySetResult(node);
        if (node.Spec?.PodCIDRs is { Count: > 0 } podCidrs)
            _podCidrs.TrySetResult([.. podCidrs]);
        if (!NodeStatuses.IsTold(node, options.Addresses))
            _ = TellNodeAsync(node, ct);
    }

    private async Task TellNodeAsync(V1Node node, CancellationToken ct)
    {
        var status = NodeStatuses.Build(node, options.Addresses, DateTime.UtcNow);
        var patch = new JsonObject { ["status"] = JsonSerializer.SerializeToNode(status, SourceGenerationContext.Default.V1NodeStatus) };
        while (true)
        {
            try
            {
                await client.PatchAsync(Resources.Nodes, null, options.NodeName, patch, "status", ct);
                return;
            }
            catch (ApiException e) when (e.IsNotFound)
            {
                return;
            }
            catch (ApiException e)
            {
                logger.NotTold($"status of node {options.NodeName}, will be sent again", e.Message);
                await Task.Delay(Pause, ct);
            }
        }
    }

    /// <summary>
    /// Called by the informer, one change at a time. A pod that was deleted and made anew under its name has another uid.
    /// </summary>
    private void PodChanged(NodeRuntime node, V1Pod? before, V1Pod? now, CancellationToken ct)
    {
        lock (_runners)
        {
            if (before is not null && before.Metadata.Uid != now?.Metadata.Uid && _runners.TryGetValue(before.Metadata.Uid, out var gone))
                gone.Vanished();
            if (now is null)
                return;
            if (_runners.TryGetValue(now.Metadata.Uid, out var runner))
            {
                runner.Update(now);
                return;
            }

            var statuses = new PodStatusWriter(client, now, logger);
            _runners[now.Metadata.Uid] = runner = new PodRunner(now, node, new PodReport(now, statuses, _events), logger);
            _workers.RemoveWhere(worker => worker.IsCompleted);
            _workers.Add(Task.Run(() => RunPodAsync(now, runner, statuses, ct), ct));
        }
    }

    private async Task RunPodAsync(V1Pod pod, PodRunner runner, PodStatusWriter statuses, CancellationToken ct)
    {
        logger.PodStarts(pod.FullName());
        var telling = statuses.RunAsync(ct);
        await InsistAsync(pod, () => runner.RunAsync(ct), ct);
        statuses.Complete();
        await telling;
        await InsistAsync(pod, () => DeleteObjectAsync(pod, ct), ct);
        logger.PodGone(pod.FullName());
        lock (_runners)
            _runners.Remove(pod.Metadata.Uid);
    }

    /// <summary>Only this pod suffers from what goes wrong with it, and it is tried again.</summary>
    private async Task InsistAsync(V1Pod pod, Func<Task> work, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await work();
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                logger.WorkerFailed(e, pod.FullName(), Pause);
                await Task.Delay(Pause, ct);
            }
        }
    }

    /// <summary>The last word of a pod's deletion: nothing of it is left here.</summary>
    private async Task DeleteObjectAsync(V1Pod pod, CancellationToken ct)
    {
        try
        {
            await client.DeleteAsync(
                Resources.Pods, pod.Metadata.NamespaceProperty, pod.Metadata.Name, gracePeriodSeconds: 0, ct, pod.Metadata.Uid);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // It is gone already, or a newer one has its name.
        }
    }

    private sealed class PodReport(V1Pod pod, PodStatusWriter statuses, EventWriter events) : IPodObserver
    {
        public void StatusChanged(V1PodStatus status) => statuses.Write(status);

        public void Happened(bool warning, string reason, string message, string? container = null) =>
            events.Post(pod, warning, reason, message, container);
    }
}
