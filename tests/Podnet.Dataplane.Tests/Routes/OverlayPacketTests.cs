using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Routes;

/// <summary>Real packets between pods and nodes on two segments.</summary>
public sealed class OverlayPacketTests
{
    private const ushort Port = 8080;

    public static TheoryData<PodNetworkMode, bool, IPFamily> Ways => new()
    {
        { PodNetworkMode.Auto, true, IPFamily.V4 },
        { PodNetworkMode.Vxlan, true, IPFamily.V4 },
        { PodNetworkMode.Vxlan, true, IPFamily.V6 },
        { PodNetworkMode.Vxlan, false, IPFamily.V4 },
        { PodNetworkMode.Vxlan, false, IPFamily.V6 },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Pods_and_nodes_of_all_segments_reach_each_other_as_themselves(PodNetworkMode mode, bool byRoutes, IPFamily underlay)
    {
        using var network = new TwoSegments(mode, byRoutes, underlay);
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
        {
            foreach (var (from, to) in ((int, int)[])[(0, 1), (1, 0), (0, 2), (2, 0), (2, 1)])
            {
                var (pod, other) = (TwoSegments.PodAddress(from, family), TwoSegments.PodAddress(to, family));
                var (node, otherNode) = (TwoSegments.NodeAddress(from, family), TwoSegments.NodeAddress(to, family));
                Assert.Equal(pod, Streamed(network.Pods[from], network.Pods[to], other));
                Assert.Equal(pod, Streamed(network.Pods[from], network.Nodes[to], otherNode));
                Assert.Equal(node, Streamed(network.Nodes[from], network.Pods[to], other));
            }
        }
    }

    [Fact]
    public void Directly_the_nodes_of_one_segment_reach_each_other()
    {
        using var network = new TwoSegments(PodNetworkMode.Direct);
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
            Assert.Equal(TwoSegments.PodAddress(0, family), Streamed(network.Pods[0], network.Pods[1], TwoSegments.PodAddress(1, family)));
        Assert.Equal(TwoSegments.Mtu, network.PodMtu(0));
    }

    [Theory]
    [InlineData(PodNetworkMode.Direct, IPFamily.V4, 1, 1500)]
    [InlineData(PodNetworkMode.Vxlan, IPFamily.V4, 1, 1450)]
    [InlineData(PodNetworkMode.Vxlan, IPFamily.V4, 2, 1450)]
    [InlineData(PodNetworkMode.Vxlan, IPFamily.V6, 2, 1430)]
    [InlineData(PodNetworkMode.Auto, IPFamily.V4, 2, 1450)]
    public void A_datagram_of_the_pods_MTU_arrives_in_one_piece(PodNetworkMode mode, IPFamily underlay, int to, int mtu)
    {
        using (var network = new TwoSegments(mode, underlay: underlay))
            Assert.Equal(mtu, network.PodMtu(0));
        using var withThatMtu = new TwoSegments(mode, underlay: underlay, podMtu: mtu);
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
        {
            var payload = mtu - 8 - (family == IPFamily.V4 ? 20 : 40); // UDP's header and IP's
            Assert.Equal(payload, Received(withThatMtu.Pods[0], withThatMtu.Pods[to], TwoSegments.PodAddress(to, family), payload));
            Assert.Equal(SocketError.MessageSize, Assert.Throws<SocketException>(
                () => Received(withThatMtu.Pods[0], withThatMtu.Pods[to], TwoSegments.PodAddress(to, family), payload + 1)).SocketErrorCode);
        }
    }

    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void A_pod_from_before_the_MTU_shrank_learns_it(IPFamily family)
    {
        using var network = new TwoSegments(PodNetworkMode.Vxlan);
        var address = IPAddress.Parse(TwoSegments.PodAddress(2, family));
        using var socket = network.Pods[0].In(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        Fragmentation.Forbid(socket);
        socket.Connect(address, Port);
        var deadline = Environment.TickCount64 + 10_000;
        while (PathMtu(socket, family) != 1450)
        {
            Assert.True(Environment.TickCount64 < deadline, $"the path MTU stays {PathMtu(socket, family)}");
            try
            {
                socket.Send(new byte[1440]); // with its headers more than 1450
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.MessageSize or SocketError.ConnectionRefused)
            {
                // It has been told; nobody listens there.
            }
        }
    }

    [Fact]
    public void What_somebody_takes_away_comes_back_and_nothing_else_is_touched()
    {
        using var network = new TwoSegments(PodNetworkMode.Auto);
        Assert.Equal(ApplyReport.Nothing, network.Apply(0));
        var node = network.Nodes[0];

        node.Run("ip", "route", "del", "10.240.2.0/24");
        Assert.Equal(["add route 10.240.2.0/24 encap to 10.99.1.2 via 10.240.2.0"], network.Apply(0).Changes);
        node.Run("ip", "neigh", "del", "10.240.2.0", "dev", "pn-vxlan");
        Assert.Equal(["neighbour: replace 10.240.2.0 lladdr 0a"], network.Apply(0).Changes.Select(text => text[..text.LastIndexOf(" dev", StringComparison.Ordinal)][..^15]));
        node.Run("ip", "rule", "del", "from", "10.240.0.0/24", "lookup", "80");
        Assert.Equal(["add rule from 10.240.0.0/24 lookup 80"], network.Apply(0).Changes);
        node.Run("ip", "link", "set", "pn-vxlan", "mtu", "1400");
        Assert.Equal(["set link pn-vxlan mtu 1450"], network.Apply(0).Changes);
        node.Run("ip", "link", "del", "pn-vxlan");
        Assert.Contains("add link pn-vxlan mtu 1450 type vxlan external dstport 4789", network.Apply(0).Changes);
        Assert.Equal(ApplyReport.Nothing, network.Apply(0));
        Assert.Equal(TwoSegments.PodAddress(0, IPFamily.V4), Streamed(network.Pods[0], network.Pods[2], TwoSegments.PodAddress(2, IPFamily.V4)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_node_that_is_renumbered_is_found_and_one_that_goes_leaves_nothing(bool byRoutes)
    {
        using var network = new TwoSegments(PodNetworkMode.Auto, byRoutes);
        network.RenumberFarNode("10.99.1.77");
        Assert.Equal(TwoSegments.PodAddress(0, IPFamily.V4), Streamed(network.Pods[0], network.Pods[2], TwoSegments.PodAddress(2, IPFamily.V4)));
        Assert.Equal(TwoSegments.PodAddress(0, IPFamily.V4), Streamed(network.Pods[0], network.Nodes[2], "10.99.1.77"));

        network.RemoveFarNode();

        Assert.DoesNotContain("pn-vxlan", network.Nodes[0].Run("ip", "link"), StringComparison.Ordinal);
        Assert.DoesNotContain("lookup 80", network.Nodes[0].Run("ip", "rule"), StringComparison.Ordinal);
        Assert.Equal("10.240.1.0/24 via 10.99.0.3 dev eth0", network.Nodes[0].Run("ip", "route", "show", "proto", "80", "table", "all").Split('\n')
            .Where(line => line.Contains("via", StringComparison.Ordinal)).Select(line => line.Trim()).First());
    }

    /// <summary>Sends more than a window of bytes and gets them back; the client's address as the server has it.</summary>
    private static string Streamed(Kernel client, Kernel server, string ip)
    {
        var address = IPAddress.Parse(ip);
        using var listener = server.In(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, Port));
            socket.Listen();
            return socket;
        });
        using var connection = client.In(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        connection.ReceiveTimeout = connection.SendTimeout = 10_000;
        Assert.True(connection.ConnectAsync(address, Port).Wait(10_000), $"{ip} does not answer");
        using var accepted = listener.Accept();
        accepted.ReceiveTimeout = 10_000;
        var sent = new byte[300_000];
        new Random(1).NextBytes(sent);
        var received = new byte[sent.Length];
        var writing = Task.Run(() => connection.Send(sent));
        for (var i = 0; i < received.Length;)
        {
            var count = accepted.Receive(received.AsSpan(i));
            Assert.NotEqual(0, count);
            i += count;
        }

        writing.Wait();
        Assert.Equal(sent, received);
        return ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString();
    }

    /// <summary>The length of the datagram that comes.</summary>
    private static int Received(Kernel client, Kernel server, string ip, int payload)
    {
        var address = IPAddress.Parse(ip);
        using var listener = server.In(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
            socket.Bind(new IPEndPoint(address, 0)); // a program that is being started by another test may hold the last one's port a moment longer
            return socket;
        });
        using var socket = client.In(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        Fragmentation.Forbid(socket);
        socket.SendTo(new byte[payload], listener.LocalEndPoint!);
        return listener.Receive(new byte[2 * TwoSegments.Mtu]);
    }

    /// <summary>IP_MTU and IPV6_MTU (linux/in.h, linux/in6.h) of a connected socket.</summary>
    private static int PathMtu(Socket socket, IPFamily family)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        socket.GetRawSocketOption(family == IPFamily.V4 ? 0 : 41, family == IPFamily.V4 ? 14 : 24, value);
        return BitConverter.ToInt32(value);
    }

    private static class Fragmentation
    {
        /// <summary>IP_MTU_DISCOVER or IPV6_MTU_DISCOVER to IP_PMTUDISC_DO (2): the kernel refuses what would have to be cut.</summary>
        internal static void Forbid(Socket socket)
        {
            var ipv4 = socket.AddressFamily == AddressFamily.InterNetwork;
            socket.SetRawSocketOption(ipv4 ? 0 : 41, ipv4 ? 10 : 23, BitConverter.GetBytes(2));
        }
    }
}
