using System.Collections.Immutable;
using System.Net;
using CsCheck;
using Podnet.Core.Model;
using Podnet.Core.Routes;

namespace Podnet.Core.Tests.Routes;

public sealed class NodeRoutingTests
{
    private static readonly Node One = Node("node-1", "10.99.0.2", "10.240.0.0/27");
    private static readonly Node Two = Node("node-2", "10.99.0.3", "10.240.0.32/27");

    [Fact]
    public void A_node_reaches_the_others_pods_by_their_own_addresses_and_never_routes_its_own() => Assert.Equal(
        """
        10.240.0.32/27 via 10.99.0.3 proto 80
        10.240.0.64/27 via 10.99.0.4 proto 80

        """,
        Direct(State(One, Two, Node("node-3", "10.99.0.4", "10.240.0.64/27"))));

    [Fact]
    public void Each_family_goes_by_the_first_address_of_that_family() => Assert.Equal(
        """
        10.240.0.32/27 via 10.99.0.3 proto 80
        fd00:240:0:1::/64 via fd00:99::3 proto 80

        """,
        Direct(State(One, Node("node-2", "fd00:99::3,10.99.0.3,fd00:99::33,10.99.0.33", "10.240.0.32/27,fd00:240:0:1::/64"))));

    [Fact]
    public void A_node_without_an_address_of_the_family_is_left_out_until_it_has_one() =>
        Assert.Empty(Direct(State(One, Node("node-2", "fd00:99::3", "10.240.0.32/27"), Node("node-3", "", "10.240.0.64/27"))));

    [Fact]
    public void A_node_that_claims_anothers_pods_does_not_get_them() => Assert.Equal(
        "10.240.0.32/27 via 10.99.0.3 proto 80\n",
        Direct(State(One, Two, Node("node-3", "10.99.0.4", "10.240.0.32/27"), Node("node-4", "10.99.0.5", "10.240.0.0/16"))));

    [Fact]
    public void A_node_that_the_cluster_does_not_know_yet_still_reaches_the_others() =>
        Assert.Equal(2, Direct(State(One, Two), "node-9").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

    [Fact]
    public void Pods_are_masqueraded_unless_they_go_to_pods_or_nodes() => Assert.Equal(
        """
        table ip podnet {
        	comment "Podnet"
        	set own-pods {
        		type ipv4_addr
        		flags interval
        		comment "pod CIDRs of this node"
        		elements = { 10.240.0.0/27 }
        	}

        	set cluster-pods {
        		type ipv4_addr
        		flags interval
        		comment "where all pods of the cluster are"
        		elements = { 10.240.0.0/27, 10.240.0.32/27 }
        	}

        	set node-ips {
        		type ipv4_addr
        		comment "nodes of the cluster"
        		elements = { 10.99.0.2, 10.99.0.3 }
        	}

        	set not-masqueraded {
        		type ipv4_addr
        		flags interval
        		comment "where else pods are seen as themselves"
        		elements = { 192.168.0.0/16 }
        	}

        	chain egress {
        		type nat hook postrouting priority srcnat; policy accept;
        		ip saddr @own-pods ip daddr != @cluster-pods ip daddr != @node-ips ip daddr != @not-masqueraded counter masquerade fully-random comment "from pods of this node to beyond the cluster"
        	}
        }

        """,
        Assert.Single(EgressMasquerade.For(
            State(One, Two), "node-1", [],
            [IPNetwork.Parse("192.168.7.0/24"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("fd00::/8")])).Print());

    [Fact]
    public void A_configured_cluster_CIDR_swallows_the_pod_CIDRs_in_it() => Assert.Equal(
        ["10.240.0.0/16", "10.244.7.0/24"],
        Assert.Single(EgressMasquerade.For(
                State(One, Two, Node("node-3", "10.99.0.4", "10.244.7.0/24")), "node-1", [IPNetwork.Parse("10.240.0.0/16")], []))
            .ClusterPods.Select(n => n.ToString()));

    [Fact]
    public void Only_families_that_the_node_has_pods_in_are_masqueraded()
    {
        var six = Node("node-2", "fd00:99::3", "fd00:240:0:1::/64");
        Assert.Equal([IPFamily.V4], EgressMasquerade.For(State(One, six), "node-1", [], []).Select(e => e.Family));
        Assert.Equal([IPFamily.V6], EgressMasquerade.For(State(One, six), "node-2", [], []).Select(e => e.Family));
        Assert.Empty(EgressMasquerade.For(State(One, six), "node-9", [], []));
    }

    [Fact]
    public void What_is_decided_does_not_depend_on_the_order_in_which_nodes_came()
    {
        var nodes = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 9], Gen.Int[1, 3])
            .Select((cidr, ip, length) => (Cidr: $"10.240.{cidr}.0/{20 + (2 * length)}", Ip: $"10.99.0.{ip + 2}"))
            .Array[0, 8]
            .Select(all => all.Select((n, i) => Node($"node-{i}", n.Ip, Masked(n.Cidr))).ToArray());
        Gen.Select(nodes, Gen.Int).Sample((all, seed) =>
        {
            var shuffled = all.ToArray();
            new Random(seed).Shuffle(shuffled);
            var (first, second) = (State(all), State(shuffled));

            foreach (var mode in Enum.GetValues<PodNetworkMode>())
                Assert.Equal(Shown(PodNetwork.For(first, "node-0", mode, Segment)), Shown(PodNetwork.For(second, "node-0", mode, Segment)));
            Assert.Equal(Printed(first), Printed(second));
            // Sets of intervals refuse what overlaps.
            foreach (var egress in EgressMasquerade.For(first, "node-0", [], []))
            {
                foreach (var (a, b) in from a in egress.ClusterPods from b in egress.ClusterPods where !a.Equals(b) select (a, b))
                    Assert.False(a.Contains(b.BaseAddress), $"{a} holds {b}");
                Assert.All(all.SelectMany(n => n.PodCidrs), cidr => Assert.Contains(egress.ClusterPods, n => n.Contains(cidr.BaseAddress)));
            }
        });
    }

    [Fact]
    public void Settings_are_what_the_cluster_needs_and_no_more()
    {
        Assert.Equal(["net.ipv4.ip_forward = 1"], KernelSetting.For(State(One), localhostNodePorts: false).Select(s => s.ToString()));
        Assert.Equal(
            ["net.ipv4.ip_forward = 1", "net.ipv6.conf.all.forwarding = 1", "net.ipv4.conf.all.route_localnet = 1"],
            KernelSetting.For(State(Node("six", "", "fd00:240::/64")), localhostNodePorts: true).Select(s => s.ToString()));
    }

    private static readonly Underlay Segment = new([IPNetwork.Parse("10.99.0.0/29")], 1500);

    private static string Direct(ClusterState state, string node = "node-1") =>
        PodNetwork.Print(PodNetwork.For(state, node, PodNetworkMode.Direct, Segment).Routes);

    private static string Shown(PodNetwork network) =>
        $"{PodNetwork.Print(network.Routes)}{network.PodMtu} {string.Join(' ', network.Overlay?.Peers ?? [])} {string.Join(' ', network.OwnPods)}";

    private static string Printed(ClusterState state) => string.Concat(EgressMasquerade.For(state, "node-0", [], []).Select(e => e.Print()));

    private static string Masked(string cidr)
    {
        var parts = cidr.Split('/');
        var length = int.Parse(parts[1]);
        var bytes = IPAddress.Parse(parts[0]).GetAddressBytes();
        bytes[2] &= (byte)(0xFF << Math.Max(0, 24 - length));
        return $"{new IPAddress(bytes)}/{length}";
    }

    private static ClusterState State(params Node[] nodes) =>
        ClusterState.Empty with { Nodes = nodes.ToImmutableDictionary(node => node.Name) };

    private static Node Node(string name, string ips, string cidrs) => new(name)
    {
        InternalIPs = [.. Split(ips).Select(IPAddress.Parse)],
        PodCidrs = [.. Split(cidrs).Select(IPNetwork.Parse)],
    };

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);
}
