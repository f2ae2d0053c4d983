using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;

namespace Podnet.Core.Tests.Routes;

public sealed class PodNetworkTests
{
    private static readonly Underlay Segment = new([IPNetwork.Parse("10.99.0.0/24"), IPNetwork.Parse("fd00:99::/64")], 1500);
    private static readonly Node One = Node("node-1", "10.99.0.2,fd00:99::2", "10.240.0.0/27,fd00:240::/64");
    private static readonly Node Near = Node("node-2", "10.99.0.3,fd00:99::3", "10.240.0.32/27,fd00:240:0:1::/64");
    private static readonly Node Far = Node("node-3", "10.99.1.2,fd00:99:0:1::2", "10.240.0.64/27,fd00:240:0:2::/64");

    [Fact]
    public void Auto_goes_directly_to_who_is_on_a_link_of_ours_and_by_VXLAN_to_the_others() => Assert.Equal(
        """
        10.240.0.32/27 via 10.99.0.3 proto 80
        10.240.0.64/27 encap ip id 1 dst 10.99.1.2 via 10.240.0.64 dev pn-vxlan onlink proto 80
        fd00:240:0:1::/64 via fd00:99::3 proto 80
        fd00:240:0:2::/64 encap ip id 1 dst 10.99.1.2 via fd00:240:0:2:: dev pn-vxlan onlink proto 80
        10.99.1.2/32 encap ip id 1 dst 10.99.1.2 via 10.240.0.64 dev pn-vxlan onlink proto 80 table 80
        fd00:99:0:1::2/128 encap ip id 1 dst 10.99.1.2 via fd00:240:0:2:: dev pn-vxlan onlink proto 80 table 80

        """,
        PodNetwork.Print(Plan(PodNetworkMode.Auto, One, Near, Far).Routes));

    [Fact]
    public void Only_where_somebody_is_behind_VXLAN_there_is_a_device_and_a_smaller_MTU()
    {
        var near = Plan(PodNetworkMode.Auto, One, Near);
        var far = Plan(PodNetworkMode.Auto, One, Near, Far);

        Assert.Equal((null, 1500, 0), (near.Overlay, near.PodMtu, near.OwnPods.Length));
        Assert.Equal((1450, 1450), (far.Overlay!.Mtu, far.PodMtu));
        Assert.Equal(["node-3"], far.Overlay.Peers.Select(peer => peer.Node));
        Assert.Equal(One.PodCidrs, far.OwnPods);
    }

    [Fact]
    public void VXLAN_is_for_everybody_where_it_is_asked_for() =>
        Assert.Equal(["node-2", "node-3"], Plan(PodNetworkMode.Vxlan, One, Near, Far).Overlay!.Peers.Select(peer => peer.Node));

    [Fact]
    public void Over_IPv6_the_headers_are_larger_and_packets_have_a_checksum()
    {
        var plan = Plan(PodNetworkMode.Vxlan, One with { InternalIPs = [IPAddress.Parse("fd00:99::2")] }, Near);

        Assert.Equal(1430, plan.PodMtu);
        Assert.Contains(
            "10.240.0.32/27 encap ip6 id 1 dst fd00:99::3 csum via 10.240.0.32 dev pn-vxlan onlink proto 80\n", PodNetwork.Print(plan.Routes), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_ends_name_each_other_by_the_address_that_the_other_gives_itself()
    {
        var (here, there) = (Plan(PodNetworkMode.Vxlan, One, Near), PodNetwork.For(State(One, Near), "node-2", PodNetworkMode.Vxlan, Segment));

        Assert.Equal(there.Overlay!.LinkAddress, here.Overlay!.Peers.Single().LinkAddress);
        Assert.Equal(here.Overlay.LinkAddress, there.Overlay.Peers.Single().LinkAddress);
        Assert.NotEqual(here.Overlay.LinkAddress, there.Overlay.LinkAddress);
    }

    [Fact]
    public void A_node_without_an_address_of_its_pods_family_is_reached_through_VXLAN() => Assert.Equal(
        """
        10.240.0.32/27 encap ip id 1 dst 10.99.0.3 via 10.240.0.32 dev pn-vxlan onlink proto 80
        fd00:240:0:1::/64 encap ip id 1 dst 10.99.0.3 via fd00:240:0:1:: dev pn-vxlan onlink proto 80
        10.99.0.3/32 encap ip id 1 dst 10.99.0.3 via 10.240.0.32 dev pn-vxlan onlink proto 80 table 80

        """,
        PodNetwork.Print(Plan(PodNetworkMode.Auto, One, Near with { InternalIPs = [IPAddress.Parse("10.99.0.3")] }).Routes));

    [Fact]
    public void A_node_that_no_address_is_known_of_is_left_out() =>
        Assert.Empty(Plan(PodNetworkMode.Vxlan, One, Near with { InternalIPs = [] }).Routes);

    private static PodNetwork Plan(PodNetworkMode mode, params Node[] nodes) => PodNetwork.For(State(nodes), "node-1", mode, Segment);

    private static ClusterState State(params Node[] nodes) =>
        ClusterState.Empty with { Nodes = nodes.ToImmutableDictionary(node => node.Name) };

    private static Node Node(string name, string ips, string cidrs) => new(name)
    {
        InternalIPs = [.. ips.Split(',').Select(IPAddress.Parse)],
        PodCidrs = [.. cidrs.Split(',').Select(IPNetwork.Parse)],
    };
}
