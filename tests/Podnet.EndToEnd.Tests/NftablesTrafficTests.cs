using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What becomes of packets in nftables mode.</summary>
[Collection(nameof(NftablesCase))]
public sealed class NftablesTrafficTests(NftablesCase nft)
{
    private const int Count = 1000;

    [Theory]
    [InlineData("pod", NftablesCase.ClusterIP, null)]
    [InlineData("node/node-1", NftablesCase.ClusterIP, "cluster IP")]
    [InlineData("node/node-2", NftablesCase.ClusterIP, "cluster IP")]
    [InlineData("outside", NftablesCase.NodePort, "node port")]
    public void A_thousand_requests_all_succeed_and_are_counted_and_split_evenly(string from, string to, string? kind)
    {
        var node = from == "node/node-2" ? "node-2" : "node-1";
        var before = kind is null ? [] : nft.Connections(node, kind);
        using var client = nft.Open(from);
        var sentAgain = SynRetransmissions(client);
        var (failed, first) = Requests.Send(client, IPEndPoint.Parse(to), Count, "/");
        sentAgain = SynRetransmissions(client) - sentAgain;
        Assert.True(failed == 0, $"{failed} of {Count} failed, the first: {first}");
        if (kind is null)
            return;
        var shares = nft.Connections(node, kind).Select(now => now.Value - before[now.Key]).ToList();
        // A SYN on a port whose last connection the server still remembers can be answered by RST: then TCP's second SYN is a connection of its own.
        Assert.InRange(shares.Aggregate(0UL, (sum, share) => sum + share), (ulong)Count, Count + sentAgain);
        // Two endpoints, by chance: outside of this once in some 10,000 runs (4 standard deviations of 16).
        Assert.All(shares, share => Assert.InRange(share, 436UL, 564UL + sentAgain));
    }

    /// <summary>How many SYNs the namespace's TCP has sent more than once (TcpExt TCPSynRetrans of /proc/net/netstat).</summary>
    private static ulong SynRetransmissions(NetworkNamespace space)
    {
        var lines = space.Run(() => File.ReadAllLines("/proc/thread-self/net/netstat")).Where(line => line.StartsWith("TcpExt:", StringComparison.Ordinal)).ToArray();
        return ulong.Parse(lines[1].Split(' ')[Array.IndexOf(lines[0].Split(' '), "TCPSynRetrans")], CultureInfo.InvariantCulture);
    }

    [Fact]
    public void A_client_stays_with_its_endpoint_under_session_affinity()
    {
        using var client = nft.Open("node/node-1");
        var mark = $"/?{Guid.NewGuid():N}";
        var (failed, first) = Requests.Send(client, IPEndPoint.Parse(NftablesCase.Sticky), 40, mark);
        Assert.True(failed == 0, first);
        var served = nft.Pods().Select(pod => nft.Cluster.AccessLog(pod).Count(line => line.Contains(mark, StringComparison.Ordinal)));
        Assert.Equal([0, 40], served.Order());
    }

    [Fact]
    public void Datagrams_reach_a_pod_and_its_answer_comes_back_from_the_cluster_IP()
    {
        var servers = nft.Pods().Select(Echo).ToList();
        try
        {
            using var client = nft.Open("node/node-2");
            using var socket = client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 });
            socket.Connect(IPEndPoint.Parse(NftablesCase.Datagrams));
            socket.Send("hello"u8);
            var buffer = new byte[64];
            Assert.Equal("hello", Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer)));
        }
        finally
        {
            servers.ForEach(server => server.Dispose());
        }
    }

    [Theory]
    [InlineData("pod", "10.96.0.80:81", SocketError.ConnectionRefused)]
    [InlineData("node/node-1", "10.96.0.80:81", SocketError.ConnectionRefused)]
    [InlineData("pod", "10.96.200.200:80", SocketError.TimedOut)]
    [InlineData("node/node-1", "10.96.200.200:80", SocketError.TimedOut)]
    [InlineData("node/node-1", "127.0.0.1:30080", SocketError.ConnectionRefused)]
    public void Ports_that_a_Service_does_not_have_are_refused_and_addresses_of_none_are_silent(string from, string to, SocketError expected)
    {
        using var client = nft.Open(from);
        // A kernel tells an address of a refusal by ICMP at most once a second when it has told it often (icmp_ratelimit): then the next SYN hears it.
        var patience = TimeSpan.FromSeconds(expected == SocketError.TimedOut ? 0.7 : 20);
        Assert.Equal(expected, Connect(client, to, patience));
    }

    [Fact]
    public async Task Endpoints_come_and_go_under_load_without_a_failed_request()
    {
        // Readiness: a new pod gets the label by which the Service finds it once it answers.
        using var client = nft.Open("node/node-1");
        nft.Cluster.Kubectl("label", "pods", "-l", "app=web", "serving=yes", "--overwrite");
        nft.Cluster.Kubectl("patch", "service", "web", "-p", """{"spec":{"selector":{"app":"web","serving":"yes"}}}""");
        await using var load = SteadyLoad.Start(client, NftablesCase.ClusterIP);
        try
        {
            nft.Cluster.Kubectl("scale", "deployment", "web", "--replicas=4");
            Poll.Until(() => nft.Pods().Length == 4, () => "the new pods do not come");
            foreach (var pod in nft.Pods())
            {
                Poll.Until(() => Address(pod) is { Length: > 0 } ip && Requests.Send(client, IPEndPoint.Parse($"{ip}:80"), 1, "/").Failed == 0, () => $"{pod} never answers");
                nft.Cluster.Kubectl("label", "pod", pod, "serving=yes", "--overwrite");
            }

            Poll.Until(() => nft.Connections("node-1", "cluster IP").Count == 4, () => "the new endpoints do not come");
            load.Go();
            Assert.All(nft.Connections("node-1", "cluster IP"), endpoint => Assert.NotEqual(0UL, endpoint.Value));

            nft.Cluster.Kubectl("scale", "deployment", "web", "--replicas=2");
            Poll.Until(() => nft.Connections("node-1", "cluster IP").Count == 2, () => "the old endpoints do not go");
            load.Go();
        }
        finally
        {
            nft.Cluster.Kubectl("patch", "service", "web", "-p", """{"spec":{"selector":{"serving":null}}}""");
        }

        Assert.Empty(await load.EndAsync());
    }

    [Fact]
    public async Task No_connection_breaks_when_the_agent_is_killed() => Assert.Empty(await KilledAgent.AssertNothingBreaksAsync(
        nft.Cluster, "web", IPEndPoint.Parse(NftablesCase.ClusterIP), ["nft", "flush", "chain", "ip", "podnet", "firewall-output"], () => nft.Ruleset("node-1")));

    private string Address(string pod) => nft.Cluster.Kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}");

    /// <summary>Success, or what connect(2) says; TimedOut is silence for a while.</summary>
    private static SocketError Connect(NetworkNamespace from, string to, TimeSpan patience)
    {
        using var socket = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        using var end = new CancellationTokenSource(patience);
        try
        {
            socket.ConnectAsync(IPEndPoint.Parse(to), end.Token).AsTask().GetAwaiter().GetResult();
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (OperationCanceledException)
        {
            return SocketError.TimedOut;
        }
    }

    /// <summary>Sends back what it gets, until it is disposed.</summary>
    private Socket Echo(string pod)
    {
        using var inside = nft.OpenPod(pod);
        var server = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        server.Bind(new IPEndPoint(IPAddress.Any, 5353));
        _ = Task.Run(async () =>
        {
            var buffer = new byte[64];
            while (true)
            {
                var got = await server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await server.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), got.RemoteEndPoint);
            }
        });
        return server;
    }
}
