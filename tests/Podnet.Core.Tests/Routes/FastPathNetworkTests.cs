using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;

namespace Podnet.Core.Tests.Routes;

public sealed class FastPathNetworkTests
{
    private static readonly Underlay Segment = new([IPNetwork.Parse("10.99.0.0/24"), IPNetwork.Parse("fd00:99::/64")], 1500);

    [Fact]
    public void It_wraps_for_whom_routes_wrap_and_for_nobody_else()
    {
        var network = Network(["10.99.0.2", "fd00:99::2"]);

        Assert.Equal(["10.99.0.2", "fd00:99::2"], network.NodeIPs.Select(ip => $"{ip}"));
        Assert.Equal(("10.99.0.2", VxlanOverlay.LinkAddressOf("node-1")), ($"{network.Tunnel!.Local}", network.Tunnel.LinkAddress));
        Assert.Equal(
            ["10.240.0.64/27", "fd00:240:0:2::/64", "10.99.1.2/32", "fd00:98::4/128"],
            network.Tunnel.Peers.Select(peer => $"{peer.Destination}"));
        Assert.All(network.Tunnel.Peers, peer => Assert.Equal(("10.99.1.2", VxlanOverlay.LinkAddressOf("node-3")), ($"{peer.Host}", peer.LinkAddress)));
    }

    [Fact]
    public void Over_IPv6_wrapping_is_left_to_the_device()
    {
        Assert.Null(Network(["fd00:99::2"]).Tunnel);
        // Others may wrap for the IPv4 address that this node has besides.
        var both = Network(["fd00:99::2", "10.99.0.2"]).Tunnel!;
        Assert.Equal(("10.99.0.2", 0), ($"{both.Local}", both.Peers.Length));
    }

    [Fact]
    public void Without_peers_behind_VXLAN_there_is_no_tunnel() => Assert.Null(Network(["10.99.0.2"], far: "10.99.0.4").Tunnel);

    private static FastPathNetwork Network(string[] own, string far = "10.99.1.2")
    {
        Node[] nodes =
        [
            Node("node-1", own, "10.240.0.0/27", "fd00:240::/64"),
            Node("node-2", ["10.99.0.3", "fd00:99::3"], "10.240.0.32/27", "fd00:240:0:1::/64"),
            Node("node-3", [far, .. far == "10.99.1.2" ? (string[])["fd00:98::4"] : ["fd00:99::4"]], "10.240.0.64/27", "fd00:240:0:2::/64"),
        ];
        var state = ClusterState.Empty with { Nodes = nodes.ToImmutableDictionary(node => node.Name) };
        return FastPathNetwork.For(state, "node-1", PodNetwork.For(state, "node-1", PodNetworkMode.Auto, Segment));
    }

    private static Node Node(string name, string[] addresses, params string[] cidrs) => new(name)
    {
        InternalIPs = [.. addresses.Select(IPAddress.Parse)],
        PodCidrs = [.. cidrs.Select(cidr => IPNetwork.Parse(cidr))],
    };
}
