using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Nftables;
using Podnet.Dataplane.Routes;
using Podnet.Dataplane.Sysctls;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

/// <summary>
/// Real packets: a pod behind its node, and one machine that is at once the other node, a pod there, and a host beyond the
/// cluster. All three drivers together make the way; the server says whom it saw.
/// </summary>
public sealed class EgressPacketTests : IDisposable
{
    private static readonly ImmutableArray<IPNetwork> NotMasqueraded = Cidrs("10.99.0.200/32", "10.99.0.192/28", "10.99.0.200/30", "fd00:99::c0/124");

    private readonly Kernel _pod = new();
    private readonly Kernel _node = new();
    private readonly Kernel _others = new();

    public EgressPacketTests()
    {
        Wire(_node, "pod", _pod, "eth0");
        Wire(_node, "eth0", _others, "eth0");
        Address(_node, "eth0", "10.99.0.2/24", "fd00:99::2/64");
        Address(_node, "pod", "10.1.1.1/24", "fd01::1/64");
        Address(_pod, "eth0", "10.1.1.28/24", "fd01::28/64");
        Address(_others, "eth0", "10.99.0.3/24", "10.99.0.254/24", "10.99.0.200/24", "10.1.2.57/32", "fd00:99::3/64", "fd02::57/128");
        // Deprecated, so that it is not what this machine takes as its own source (RFC 6724, rule 3).
        _others.Run("ip", "address", "add", "fd00:99::fe/64", "dev", "eth0", "nodad", "preferred_lft", "0");
        _others.Run("ip", "address", "add", "fd00:99::c8/64", "dev", "eth0", "nodad", "preferred_lft", "0");
        _pod.Run("ip", "route", "add", "default", "via", "10.1.1.1");
        _pod.Run("ip", "-6", "route", "add", "default", "via", "fd01::1");
        var state = ClusterState.Empty with
        {
            Nodes = new[]
            {
                new Node("node-1") { InternalIPs = Ips("10.99.0.2", "fd00:99::2"), PodCidrs = Cidrs("10.1.1.0/24", "fd01::/64") },
                new Node("node-2") { InternalIPs = Ips("10.99.0.3", "fd00:99::3"), PodCidrs = Cidrs("10.1.2.0/24", "fd02::/64") },
            }.ToImmutableDictionary(node => node.Name),
        };
        Apply(_node, state, "node-1");
        Apply(_others, state, "node-2");
    }

    public void Dispose()
    {
        _pod.Dispose();
        _node.Dispose();
        _others.Dispose();
    }

    [Theory]
    [InlineData("10.1.2.57", "10.1.1.28")] // another pod
    [InlineData("10.99.0.3", "10.1.1.28")] // another node
    [InlineData("10.99.0.254", "10.99.0.2")] // beyond the cluster
    [InlineData("10.99.0.200", "10.1.1.28")] // there, too, and told to know pods
    [InlineData("fd02::57", "fd01::28")]
    [InlineData("fd00:99::3", "fd01::28")]
    [InlineData("fd00:99::fe", "fd00:99::2")]
    [InlineData("fd00:99::c8", "fd01::28")]
    public void A_pod_is_seen_as_itself_by_pods_and_nodes_and_as_its_node_beyond_the_cluster(string server, string seenAs) =>
        Assert.Equal(seenAs, SeenBy(_others, server, _pod));

    [Theory]
    [InlineData("10.99.0.2", "10.1.1.28")]
    [InlineData("fd00:99::2", "fd01::28")]
    public void A_pods_own_node_sees_it_as_itself(string server, string seenAs) => Assert.Equal(seenAs, SeenBy(_node, server, _pod));

    [Theory]
    [InlineData("10.1.1.28", "10.99.0.3")]
    [InlineData("fd01::28", "fd00:99::3")]
    public void Another_node_reaches_the_pod_and_is_seen_as_itself(string pod, string seenAs) => Assert.Equal(seenAs, SeenBy(_pod, pod, _others));

    /// <summary>Connects, and returns the client's address as the server has it.</summary>
    private static string SeenBy(Kernel server, string ip, Kernel client)
    {
        var address = IPAddress.Parse(ip);
        using var listener = server.In(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.BindAgain(new IPEndPoint(address, 8080));
            socket.Listen();
            return socket;
        });
        using var connection = client.In(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(address, 8080);
            return socket;
        });
        using var accepted = listener.Accept();
        return ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString();
    }

    private static void Apply(Kernel node, ClusterState state, string name)
    {
        var report = node.In(() =>
        {
            using var routes = new PodNetworkDriver();
            using var ruleset = new Ruleset();
            return SysctlDriver.Apply(KernelSetting.For(state, localhostNodePorts: false))
                + routes.Apply(PodNetwork.For(state, name, PodNetworkMode.Direct, new Underlay([], 1500)))
                + new EgressDriver(ruleset).Apply(EgressMasquerade.For(state, name, [], NotMasqueraded));
        });
        Assert.Empty(report.Failures);
    }

    private static void Wire(Kernel here, string name, Kernel there, string peerName)
    {
        using var socket = RouteSocket.OpenIn(here.Namespace);
        socket.Execute(new RouteRequests().CreateVeth(new VethPair(name, peerName) { PeerNamespace = there.Namespace, Up = true }));
        there.Run("ip", "link", "set", peerName, "up");
    }

    private static void Address(Kernel kernel, string device, params string[] addresses)
    {
        using var socket = RouteSocket.OpenIn(kernel.Namespace);
        var index = socket.GetLink(device).Index;
        foreach (var parts in addresses.Select(text => text.Split('/')))
        {
            var ip = IPAddress.Parse(parts[0]);
            var flags = ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None;
            socket.Execute(new RouteRequests().AddAddress(new Address(index, ip, int.Parse(parts[1])) { Flags = flags }));
        }
    }

    private static ImmutableArray<IPAddress> Ips(params string[] ips) => [.. ips.Select(IPAddress.Parse)];

    private static ImmutableArray<IPNetwork> Cidrs(params string[] cidrs) => [.. cidrs.Select(IPNetwork.Parse)];
}
