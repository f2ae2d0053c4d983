using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.FastPath;
using Podnet.Dataplane.Tests.Routes;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.FastPath;

/// <summary>Real connections between pods of nodes that run the fast path's programs.</summary>
public sealed class FastPathTests
{
    /// <summary>In bytes: some hundred packets even where each is of 64 KiB.</summary>
    private const int Much = 16 << 20;

    /// <summary>Longer than what is known of a flow holds.</summary>
    private static readonly TimeSpan UntilForgotten = FlowProgram.Trust + TimeSpan.FromMilliseconds(300);

    [Theory]
    [InlineData(IPFamily.V4, 1)]
    [InlineData(IPFamily.V6, 1)]
    [InlineData(IPFamily.V4, 2)]
    [InlineData(IPFamily.V6, 2)]
    public void What_pods_of_two_nodes_send_goes_past_the_rules_and_arrives(IPFamily family, int to)
    {
        using var nodes = new FastNodes();
        // The hops are two, as they are without.
        var pod = nodes.Segments.Pods[to];
        pod.Run("nft", "add table inet hops; add chain inet hops input { type filter hook input priority 0; }; "
            + "add rule inet hops input ip ttl != 62 counter; add rule inet hops input meta l4proto tcp ip6 hoplimit != 62 counter");
        Exchange(nodes.Connect(0, to, family));
        foreach (var node in (ReadOnlySpan<int>)[0, to])
        {
            Assert.InRange(nodes.Taken(node), (ulong)(2 * Much), ulong.MaxValue);
            Assert.InRange(nodes.SeenByRules(node), 0, Much / 2);
            Assert.Equal(0, nodes.Invalid(node));
        }

        Assert.All(FastNodes.Counters(pod, "hops", "input"), count => Assert.Equal(0, count));
    }

    [Fact]
    public void What_pods_of_one_node_send_goes_past_the_rules_and_arrives()
    {
        using var nodes = new FastNodes();
        using var second = nodes.Segments.AddPod("second", "10.240.0.29");
        nodes.Apply(0, readBack: false);
        Exchange(Connection.Open(nodes.Segments.Pods[0], second, "10.240.0.29"));
        Assert.InRange(nodes.Taken(0), (ulong)(2 * Much), ulong.MaxValue);
        Assert.InRange(nodes.SeenByRules(0), 0, Much / 2);
    }

    [Theory]
    [InlineData(IPFamily.V4, 0)]
    [InlineData(IPFamily.V6, 0)]
    [InlineData(IPFamily.V4, 2)]
    [InlineData(IPFamily.V6, 2)]
    public void A_node_without_it_takes_what_one_with_it_wraps_and_wraps_for_it(IPFamily family, int with)
    {
        using var nodes = new FastNodes(with: [with]);
        Exchange(nodes.Connect(0, 2, family));
        Assert.InRange(nodes.Taken(with), (ulong)(2 * Much), ulong.MaxValue);
    }

    [Fact]
    public void Over_IPv6_nodes_wrap_as_without_it_and_pods_get_what_was_unwrapped()
    {
        using var nodes = new FastNodes(PodNetworkMode.Vxlan, IPFamily.V6, [0, 2]);
        Exchange(nodes.Connect(0, 2, IPFamily.V4));
        Assert.InRange(nodes.Taken(2), (ulong)Much, ulong.MaxValue);
    }

    [Fact]
    public void Pods_whose_packets_are_too_large_for_the_way_are_told()
    {
        using var nodes = new FastNodes(podMtu: TwoSegments.Mtu);
        Exchange(nodes.Connect(0, 2, IPFamily.V4));
        Exchange(nodes.Connect(0, 2, IPFamily.V6));
    }

    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void Congestion_between_nodes_is_told_to_the_pods(IPFamily family)
    {
        using var nodes = new FastNodes();
        foreach (var pod in nodes.Segments.Pods)
            pod.Run("sysctl", "-qw", "net.ipv4.tcp_ecn=1");
        // Of what is wrapped, the router between marks one packet in four.
        nodes.Segments.Router.Run("nft", "add table ip busy; add chain ip busy forward { type filter hook forward priority 0; }; "
            + "add rule ip busy forward udp dport 4789 ip ecn ect0 numgen inc mod 4 0 ip ecn set ce counter");
        var receiver = nodes.Segments.Pods[2];
        receiver.Run("nft", "add table inet told; add chain inet told input { type filter hook input priority 0; }; "
            + $"add rule inet told input meta l4proto tcp {(family == IPFamily.V4 ? "ip" : "ip6")} ecn ce counter");
        Exchange(nodes.Connect(0, 2, family));
        Assert.InRange(FastNodes.Counters(nodes.Segments.Router, "busy", "forward").Single(), 1, long.MaxValue);
        Assert.InRange(FastNodes.Counters(receiver, "told", "input").Single(), 1, long.MaxValue);
        Assert.InRange(nodes.Taken(0), (ulong)Much, ulong.MaxValue);
    }

    [Fact]
    public void A_translated_connection_goes_by_the_rules()
    {
        using var nodes = new FastNodes();
        nodes.Segments.Nodes[0].Run("nft", "add table ip translate; add chain ip translate pre { type nat hook prerouting priority -100; }; "
            + $"add rule ip translate pre ip daddr 10.96.0.1 dnat to {TwoSegments.PodAddress(1, IPFamily.V4)}");
        Exchange(Connection.Open(nodes.Segments.Pods[0], nodes.Segments.Pods[1], TwoSegments.PodAddress(1, IPFamily.V4), through: "10.96.0.1"));
        Assert.Equal(0UL, nodes.Taken(0));
        Assert.InRange(nodes.Taken(1), (ulong)Much, ulong.MaxValue);
    }

    [Fact]
    public void What_a_pod_forges_of_anothers_connection_is_left_to_the_source_guard()
    {
        using var nodes = new FastNodes();
        using var second = nodes.Segments.AddPod("second", "10.240.0.29");
        nodes.Apply(0, readBack: false);
        using var connection = Connection.Open(second, nodes.Segments.Pods[1], TwoSegments.PodAddress(1, IPFamily.V4));
        connection.Send(Much);
        nodes.Segments.Nodes[0].Run("nft", "add table ip guard; add chain ip guard pre { type filter hook prerouting priority -300; }; "
            + "add rule ip guard pre iifname pod ip saddr 10.240.0.29 counter drop");
        // Duplicates and what acknowledges them may still be on their way.
        Thread.Sleep(UntilForgotten);
        var before = nodes.Taken(0);
        nodes.Segments.Pods[0].In(() => SendForged(connection.Client, count: 5));
        Assert.Equal(before, nodes.Taken(0));
        Assert.InRange(FastNodes.Counters(nodes.Segments.Nodes[0], "guard", "pre").Single(), 1, long.MaxValue);
    }

    [Fact]
    public void A_connection_that_somebody_deletes_asks_the_rules_again()
    {
        using var nodes = new FastNodes();
        using var connection = nodes.Connect(0, 1, IPFamily.V4);
        connection.Send(Much);
        var node = nodes.Segments.Nodes[0];
        node.Run("nft", "insert rule inet seen forward ct state new counter drop");
        connection.Send(Much); // the rules are for what is new
        node.Run("conntrack", "-F");
        Thread.Sleep(UntilForgotten);
        var before = nodes.Taken(0);
        connection.Client.Send(new byte[1000]);
        Poll.Until(() => FastNodes.Counters(node, "seen", "forward")[0] > 0, () => "no packet was dropped");
        Assert.Equal(before, nodes.Taken(0));
        Assert.Equal(0, connection.Server.Available);
    }

    [Fact]
    public void Connection_tracking_does_not_forget_a_connection_that_it_does_not_see()
    {
        var rest = TimeSpan.FromSeconds(4);
        using var nodes = new FastNodes(with: [0], establishedTimeout: rest);
        using var connection = nodes.Connect(0, 1, IPFamily.V4);
        connection.Send(1);
        // Whoever is forgotten would be new.
        nodes.Segments.Nodes[0].Run("nft", "insert rule inet seen forward ct state new counter drop");
        for (var i = 0; i < 60; i++)
        {
            connection.Send(1);
            Thread.Sleep(100);
        }

        Assert.InRange(nodes.Packets(0), 60UL, ulong.MaxValue);
        Assert.Equal(0, FastNodes.Counters(nodes.Segments.Nodes[0], "seen", "forward")[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_end_of_a_connection_is_seen_and_valid(bool abort)
    {
        using var nodes = new FastNodes();
        using (var connection = nodes.Connect(0, 1, IPFamily.V4))
        {
            connection.Send(Much);
            Assert.Contains("ESTABLISHED", nodes.Segments.Nodes[0].Run("conntrack", "-L", "-p", "tcp"), StringComparison.Ordinal);
            if (abort)
                connection.Abort();
            else
                connection.Close();
        }

        foreach (var node in (ReadOnlySpan<int>)[0, 1])
        {
            Assert.Equal(0, nodes.Invalid(node));
            // After a reset that it cannot place it keeps the state, for 10 s (nf_conntrack_proto_tcp.c).
            if (!abort)
                Assert.DoesNotContain("ESTABLISHED", nodes.Segments.Nodes[node].Run("conntrack", "-L", "-p", "tcp"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_a_pod_receives_stays_in_the_queue_that_limits_it()
    {
        using var nodes = new FastNodes();
        var node = nodes.Segments.Nodes[1];
        node.Run("tc", "qdisc", "add", "dev", "pod", "root", "tbf", "rate", "400mbit", "burst", "100kb", "latency", "100ms");
        nodes.Apply(1, readBack: false);
        using var connection = nodes.Connect(0, 1, IPFamily.V4);
        connection.Send(Much);
        Assert.InRange(nodes.Taken(1), (ulong)Much, ulong.MaxValue);
        var sent = node.Run("tc", "-s", "qdisc", "show", "dev", "pod", "root").Split(' ').SkipWhile(word => !word.EndsWith("Sent", StringComparison.Ordinal)).ElementAt(1);
        Assert.InRange(long.Parse(sent, System.Globalization.CultureInfo.InvariantCulture), Much, long.MaxValue);
    }

    [Fact]
    public void What_somebody_takes_off_is_put_back_and_what_is_right_stays()
    {
        using var nodes = new FastNodes();
        var node = nodes.Segments.Nodes[0];
        Assert.Empty(nodes.Apply(0).Changes);
        node.Run("tc", "qdisc", "del", "dev", "pod", "clsact");
        Assert.Equal(["tc filter on pod"], nodes.Apply(0, readBack: false).Changes);
        node.Run("tc", "filter", "del", "dev", "eth0", "ingress");
        Assert.Equal(["tc filter on eth0"], nodes.Apply(0, readBack: true).Changes);
        node.Run("sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_be_liberal=0");
        Assert.Equal(["sysctl net.netfilter.nf_conntrack_tcp_be_liberal = 1"], nodes.Apply(0, readBack: false).Changes);
        Assert.Empty(nodes.Apply(0).Changes);
    }

    [Fact]
    public void Cleanup_takes_its_own_filters_and_leaves_those_of_others()
    {
        using var nodes = new FastNodes();
        var node = nodes.Segments.Nodes[0];
        node.Run("tc", "filter", "add", "dev", "pod", "ingress", "pref", "10", "bpf", "bytecode", "1,6 0 0 0,");
        // Places for filters that somebody made and has none in yet, on a link that is not the fast path's.
        node.Run("ip", "link", "add", "theirs", "type", "veth", "peer", "name", "theirs-too");
        node.Run("tc", "qdisc", "add", "dev", "theirs", "clsact");
        using (var another = node.In(() => new FastPathDriver()))
            Assert.Empty(node.In(another.Cleanup).Failures);
        Assert.Contains("pref 10", node.Run("tc", "filter", "show", "dev", "pod", "ingress"), StringComparison.Ordinal);
        foreach (var link in (string[])["pod", "eth0", "pn-vxlan"])
            Assert.DoesNotContain(FastPathDriver.Name, node.Run("tc", "filter", "show", "dev", link, "ingress"), StringComparison.Ordinal);
        Assert.DoesNotContain("clsact", node.Run("tc", "qdisc", "show", "dev", "eth0"), StringComparison.Ordinal);
        Assert.Contains("clsact", node.Run("tc", "qdisc", "show", "dev", "pod"), StringComparison.Ordinal);
        Assert.Contains("clsact", node.Run("tc", "qdisc", "show", "dev", "theirs"), StringComparison.Ordinal);
    }

    private static void Exchange(Connection connection)
    {
        using (connection)
        {
            connection.Send(Much);
            connection.SendBack(Much);
            connection.Close();
        }
    }

    /// <summary>As if they were the client's, of bytes that it has sent long ago.</summary>
    private static void SendForged(Socket client, int count)
    {
        var (from, to) = ((IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!);
        using var raw = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
        raw.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
        var packet = new byte[40 + 4];
        (packet[0], packet[3], packet[8], packet[9]) = (0x45, (byte)packet.Length, 64, 6);
        from.Address.MapToIPv4().TryWriteBytes(packet.AsSpan(12), out _);
        to.Address.MapToIPv4().TryWriteBytes(packet.AsSpan(16), out _);
        (packet[20], packet[21], packet[22], packet[23]) = ((byte)(from.Port >> 8), (byte)from.Port, (byte)(to.Port >> 8), (byte)to.Port);
        (packet[32], packet[33]) = (0x50, 0x10); // a header of 20 bytes; ACK
        for (var i = 0; i < count; i++)
            raw.SendTo(packet, new IPEndPoint(to.Address.MapToIPv4(), 0));
    }
}
