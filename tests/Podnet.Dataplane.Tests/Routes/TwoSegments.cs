using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Routes;

/// <summary>
/// Three nodes with a pod each: the first two on one segment, the third on another, and a router between that knows no pods. All of
/// them drop what comes from where they would not send to (a strict reverse path filter), as many machines and networks do.
/// </summary>
public sealed class TwoSegments : IDisposable
{
    public const int Mtu = 1500;

    private static readonly string[] Nodes4 = ["10.99.0.2", "10.99.0.3", "10.99.1.2"];
    private static readonly string[] Nodes6 = ["fd00:99::2", "fd00:99::3", "fd00:99:0:1::2"];

    private readonly bool? _byRoutes;
    private readonly PodNetworkMode _mode;
    private ClusterState _state;

    /// <param name="byRoutes">Null: as the kernel can.</param>
    /// <param name="underlay">The family in which the nodes have their first address.</param>
    public TwoSegments(PodNetworkMode mode, bool? byRoutes = null, IPFamily underlay = IPFamily.V4, int podMtu = Mtu)
    {
        (_byRoutes, _mode) = (byRoutes, mode);
        Router.Run("ip", "link", "add", "segment", "up", "type", "bridge");
        Router.Run("ip", "address", "add", "10.99.0.1/24", "dev", "segment");
        Router.Run("ip", "address", "add", "fd00:99::1/64", "dev", "segment", "nodad");
        for (var i = 0; i < 3; i++)
        {
            var far = i == 2;
            Wire(Router, far ? "b" : $"a{i}", Nodes[i], "eth0");
            if (!far)
                Router.Run("ip", "link", "set", $"a{i}", "master", "segment");
            Nodes[i].Run("ip", "address", "add", $"{Nodes4[i]}/24", "dev", "eth0");
            Nodes[i].Run("ip", "address", "add", $"{Nodes6[i]}/64", "dev", "eth0", "nodad");
            if (far)
            {
                Router.Run("ip", "address", "add", "10.99.1.1/24", "dev", "b");
                Router.Run("ip", "address", "add", "fd00:99:0:1::1/64", "dev", "b", "nodad");
            }

            Nodes[i].Run("ip", "route", "add", "default", "via", far ? "10.99.1.1" : "10.99.0.1");
            Nodes[i].Run("ip", "-6", "route", "add", "default", "via", far ? "fd00:99:0:1::1" : "fd00:99::1");
            AddPod(Nodes[i], Pods[i], "pod", podMtu, PodAddress(i, IPFamily.V4), PodAddress(i, IPFamily.V6));
        }

        foreach (var kernel in (Kernel[])[Router, .. Nodes])
            kernel.Run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=1");
        _state = ClusterState.Empty with { Nodes = Enumerable.Range(0, 3).Select(i => NodeObject(i, underlay)).ToImmutableDictionary(node => node.Name) };
        ApplyAll();
    }

    /// <summary>Between the segments.</summary>
    public Kernel Router { get; } = new();

    public ImmutableArray<Kernel> Nodes { get; } = [new Kernel(), new Kernel(), new Kernel()];

    public ImmutableArray<Kernel> Pods { get; } = [new Kernel(), new Kernel(), new Kernel()];

    public static string NodeAddress(int node, IPFamily family) => (family == IPFamily.V4 ? Nodes4 : Nodes6)[node];

    public static string PodAddress(int node, IPFamily family) => family == IPFamily.V4 ? $"10.240.{node}.28" : $"fd00:240:0:{node + 1}::28";

    /// <summary>A second pod on the first node, to be disposed of by whoever asks for it.</summary>
    public Kernel AddPod(string link, string address)
    {
        var pod = new Kernel();
        AddPod(Nodes[0], pod, link, Mtu, address);
        return pod;
    }

    /// <summary>What a node's agent does, once; what it did.</summary>
    public ApplyReport Apply(int node) => Nodes[node].In(() =>
    {
        using var driver = new PodNetworkDriver(_byRoutes);
        return driver.Apply(Plan(driver, node));
    });

    public int PodMtu(int node) => Nodes[node].In(() =>
    {
        using var driver = new PodNetworkDriver(_byRoutes);
        return Plan(driver, node).PodMtu;
    });

    /// <summary>What a node's fast path must know.</summary>
    public FastPathNetwork FastPath(int node) => Nodes[node].In(() =>
    {
        using var driver = new PodNetworkDriver(_byRoutes);
        return FastPathNetwork.For(_state, $"node-{node}", Plan(driver, node));
    });

    /// <summary>The third node gets another address, on the segment that it is on.</summary>
    public void RenumberFarNode(string address)
    {
        Nodes[2].Run("ip", "address", "del", $"{Nodes4[2]}/24", "dev", "eth0");
        Nodes[2].Run("ip", "address", "add", $"{address}/24", "dev", "eth0");
        Nodes[2].Run("ip", "route", "replace", "default", "via", "10.99.1.1");
        var node = _state.Nodes["node-2"];
        _state = _state with { Nodes = _state.Nodes.SetItem("node-2", node with { InternalIPs = [IPAddress.Parse(address)] }) };
        ApplyAll();
    }

    public void RemoveFarNode()
    {
        _state = _state with { Nodes = _state.Nodes.Remove("node-2") };
        foreach (var node in (ReadOnlySpan<int>)[0, 1])
            Assert.Empty(Apply(node).Failures);
    }

    public void Dispose()
    {
        foreach (var kernel in (Kernel[])[.. Pods, .. Nodes, Router])
            kernel.Dispose();
    }

    private PodNetwork Plan(PodNetworkDriver driver, int node)
    {
        var self = _state.Nodes[$"node-{node}"];
        return PodNetwork.For(_state, self.Name, _mode, driver.ReadUnderlay(self.InternalIPs));
    }

    private void ApplyAll()
    {
        // Directly, nothing can lead to the third node: the kernel says so.
        for (var i = 0; i < 3; i++)
        {
            foreach (var failure in Apply(i).Failures)
                Assert.True(_mode == PodNetworkMode.Direct && failure.Errno is Errno.NetworkUnreachable or Errno.HostUnreachable, failure.Message);
        }
    }

    private static void AddPod(Kernel node, Kernel pod, string link, int mtu, params string[] addresses)
    {
        Wire(node, link, pod, "eth0");
        node.Run("ip", "link", "set", link, "group", $"{Link.PodGroup}");
        pod.Run("ip", "link", "set", "eth0", "mtu", $"{mtu}");
        node.Run("ip", "address", "add", "169.254.1.1/32", "dev", link);
        node.Run("ip", "address", "add", "fe80::1/64", "dev", link, "nodad");
        foreach (var address in addresses)
        {
            var isIPv6 = address.Contains(':', StringComparison.Ordinal);
            var network = $"{address}/{(isIPv6 ? IPFamily.V6 : IPFamily.V4).Bits()}";
            string[] nodad = isIPv6 ? ["nodad"] : [];
            pod.Run("ip", ["address", "add", network, "dev", "eth0", .. nodad]);
            node.Run("ip", "route", "add", network, "dev", link, "proto", "80");
        }

        pod.Run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink");
        pod.Run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0");
    }

    private static Node NodeObject(int i, IPFamily first) => new($"node-{i}")
    {
        InternalIPs = first == IPFamily.V4
            ? [IPAddress.Parse(Nodes4[i]), IPAddress.Parse(Nodes6[i])]
            : [IPAddress.Parse(Nodes6[i]), IPAddress.Parse(Nodes4[i])],
        PodCidrs = [IPNetwork.Parse($"10.240.{i}.0/24"), IPNetwork.Parse($"fd00:240:0:{i + 1}::/64")],
    };

    private static void Wire(Kernel here, string name, Kernel there, string peerName)
    {
        using var socket = RouteSocket.OpenIn(here.Namespace);
        socket.Execute(new RouteRequests().CreateVeth(new VethPair(name, peerName) { PeerNamespace = there.Namespace, Up = true, Mtu = Mtu }));
        there.Run("ip", "link", "set", peerName, "up");
    }
}
