using System.Collections.Concurrent;
using Podnet.Local.ApiServer;
using Podnet.Local.Kubelet;

namespace Podnet.Local;

/// <summary>The kubelets of this process, by their nodes' names: how the API server reaches a pod.</summary>
internal sealed class KubeletDirectory : IPodAccess
{
    private readonly ConcurrentDictionary<string, Kubelet.Kubelet> _kubelets = new(StringComparer.Ordinal);

    public void Add(string node, Kubelet.Kubelet kubelet) => _kubelets[node] = kubelet;

    public void Remove(string node) => _kubelets.TryRemove(node, out _);

    public async Task CopyLogAsync(ContainerTarget target, int run, LogOptions options, Stream output, CancellationToken ct)
    {
        var node = NodeOf(target);
        var log = node.LogFile(target, run);
        try
        {
            await new ContainerLog(log, options, () => node.Logs.IsWritten(log)).CopyToAsync(output, ct);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw StatusException.BadRequest($"the log of container \"{target.Container}\" in pod \"{target.Pod}\" is gone");
        }
    }

    private NodeRuntime NodeOf(ContainerTarget target) =>
        _kubelets.TryGetValue(target.Node, out var kubelet) && kubelet.Node is { } node ? node : throw PodTarget.NoNode(target.Node);
}
