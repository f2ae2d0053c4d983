using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Podnet.Linux;
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

    public async Task<IExecution> ExecAsync(ContainerTarget target, ExecRequest request)
    {
        var (node, container) = RunningOf(target);
        try
        {
            return await ContainerExec.StartAsync(node, container, request);
        }
        catch (Exception e) when (e is RuncException or IOException)
        {
            throw new StatusException(500, "InternalError", $"Internal error occurred: error executing command in container: {e.Message}");
        }
    }

    public IExecution Attach(ContainerTarget target, AttachRequest request)
    {
        var (node, container) = RunningOf(target);
        return new ContainerAttach(container, request, node.Logs);
    }

    public Task<Stream> DialAsync(ContainerTarget target, int port, CancellationToken ct)
    {
        var pid = NodeOf(target).Paths.SandboxPid(target.Namespace, target.Pod)
            ?? throw new IOException($"pod {target.Namespace}/{target.Pod} has no sandbox");
        SocketException? refused = null;
        foreach (var address in (ReadOnlySpan<IPAddress>)[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            var socket = Socket(pid, address.AddressFamily);
            try
            {
                socket.Connect(address, port); // on the loopback: it answers at once, one way or the other
                return Task.FromResult<Stream>(new NetworkStream(socket, ownsSocket: true));
            }
            catch (SocketException e)
            {
                socket.Dispose();
                refused ??= e;
            }
        }

        throw new IOException($"failed to connect to localhost:{port} inside namespace of pod {target.Pod}: {refused!.Message}", refused);
    }

    /// <summary>A socket belongs to the namespace that it was made in.</summary>
    private static Socket Socket(int sandbox, AddressFamily family)
    {
        using var pod = NetworkNamespace.OfProcess(sandbox);
        return pod.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
    }

    private (NodeRuntime Node, RunningContainer Container) RunningOf(ContainerTarget target) =>
        (NodeOf(target), _kubelets[target.Node].RunningContainer(target.Uid, target.Container)
            ?? throw new StatusException(500, "InternalError", $"container not found (\"{target.Container}\")"));

    private NodeRuntime NodeOf(ContainerTarget target) =>
        _kubelets.TryGetValue(target.Node, out var kubelet) && kubelet.Node is { } node ? node : throw PodTarget.NoNode(target.Node);
}
