using System.Collections.Immutable;
using System.Net;
using Podnet.Agent;
using Podnet.Core.Model;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Agent;

public sealed class NodeDataplaneTests : IAsyncDisposable
{
    private static readonly ClusterState State = ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes.AddRange(Nodes().Select(node => KeyValuePair.Create(node.Name, node))),
        Services = ClusterState.Empty.Services.Add(
            new("default", "nginx"),
            new Service(new("default", "nginx"))
            {
                ClusterIPs = [IPAddress.Parse("10.0.33.45")],
                Ports = [new("web", Protocol.Tcp, 80, 0)],
            }),
        EndpointSlices = EndpointSliceIndex.Of(
            new EndpointSlice(new("default", "nginx-1"), new("default", "nginx"))
            {
                Ports = [new("web", Protocol.Tcp, 80)],
                Endpoints = [new(IPAddress.Parse("10.240.0.28")) { NodeName = "node-1" }, new(IPAddress.Parse("10.240.0.57")) { NodeName = "node-2" }],
            }),
    };

    private readonly Kernel _kernel = new();
    private readonly RecordingLogger _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly NodeDataplane _dataplane = new(new AgentOptions("node-1", "/dev/null") { ProxyMode = ProxyMode.Iptables, ClusterCidrs = [IPNetwork.Parse("10.240.0.0/16")] });
    private Task _running = Task.CompletedTask;

    public NodeDataplaneTests()
    {
        _kernel.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
        _kernel.Run("ip", "address", "add", "10.99.0.2/24", "dev", "eth0");
        _kernel.Run("ip", "link", "set", "peer0", "up");
        _kernel.Run("ip", "link", "set", "eth0", "up");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _dataplane.Dispose();
        _kernel.Dispose();
    }

    private static ImmutableArray<Node> Nodes() =>
    [
        new("node-1") { InternalIPs = [IPAddress.Parse("10.99.0.2")], PodCidrs = [IPNetwork.Parse("10.240.0.0/27")] },
        new("node-2") { InternalIPs = [IPAddress.Parse("10.99.0.3")], PodCidrs = [IPNetwork.Parse("10.240.0.32/27")] },
    ];

    private ReconcileLoop Start(LoopTiming timing)
    {
        var loop = new ReconcileLoop(_dataplane.Parts, timing, _log);
        // A thread is born in the namespace of the one that starts it.
        _running = _kernel.In(() => loop.RunAsync(_stop.Token));
        return loop;
    }

    /// <summary>What of it is missing in the kernel.</summary>
    private string? Missing()
    {
        if (_kernel.Run("cat", "/proc/sys/net/ipv4/ip_forward").Trim() != "1")
            return "forwarding";
        if (!_kernel.Run("ip", "-4", "route", "show", "proto", "80").Contains("10.240.0.32/27 via 10.99.0.3", StringComparison.Ordinal))
            return "the route";
        if (!_kernel.Run("nft", "list", "ruleset").Contains("masquerade fully-random comment \"from pods", StringComparison.Ordinal))
            return "the masquerade";
        var rules = _kernel.Run("iptables-save");
        return rules.Contains("--to-destination 10.240.0.28:80", StringComparison.Ordinal)
            && rules.Contains("! -s 10.240.0.0/16 -d 10.0.33.45/32", StringComparison.Ordinal)
            ? null
            : "the Service";
    }

    private Task UntilCompleteAsync() => Poll.UntilAsync(() => Missing() is null, () => $"no {Missing()}\n{string.Join('\n', _log.Lines)}");

    [Fact]
    public async Task A_state_is_in_the_kernel_survives_a_flush_by_others_and_stays_when_the_agent_ends()
    {
        var loop = Start(new LoopTiming { CheckPeriod = TimeSpan.FromMilliseconds(50) });
        loop.Want(State, ClusterChanges.Everything);
        await UntilCompleteAsync();
        _kernel.Run("nft", "flush", "ruleset");
        _kernel.Run("ip", "route", "flush", "proto", "80");
        _kernel.Run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward");
        await UntilCompleteAsync();
        Assert.Contains(_log.Lines, line => line.StartsWith("Routes: somebody else changed them; put back: add route 10.240.0.32/27", StringComparison.Ordinal));
        await _stop.CancelAsync();
        await _running;
        Assert.Null(Missing());
    }

    [Fact]
    public async Task A_node_that_goes_takes_its_route_with_it_and_nothing_is_written_twice()
    {
        var loop = Start(new LoopTiming { CheckPeriod = TimeSpan.FromHours(1) });
        var applied = 0;
        loop.Applied = _ => applied++;
        loop.Want(State, ClusterChanges.Everything);
        await Poll.UntilAsync(() => applied == 1, () => string.Join('\n', _log.Lines));
        var lines = _log.Lines.Count;
        loop.Want(State with { Nodes = State.Nodes.SetItem("node-2", State.Nodes["node-2"]) }, ClusterChanges.OfNodes);
        loop.Want(State with { Services = State.Services }, ClusterChanges.OfServices([.. State.Services.Keys]));
        await Poll.UntilAsync(() => applied > 1, () => string.Join('\n', _log.Lines));
        Assert.Equal(lines, _log.Lines.Count);
        loop.Want(State with { Nodes = State.Nodes.Remove("node-2") }, ClusterChanges.OfNodes);
        await Poll.UntilAsync(() => _kernel.Run("ip", "route", "show", "proto", "80").Length == 0, () => string.Join('\n', _log.Lines));
    }
}
