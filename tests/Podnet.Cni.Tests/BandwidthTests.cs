using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

/// <summary>Limits, by real TCP between pods.</summary>
public sealed class BandwidthTests : IDisposable
{
    private const string Subnet = "10.240.0.0/27";

    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();
    private readonly TestPod _other = new();

    public void Dispose()
    {
        _pod.Dispose();
        _other.Dispose();
        _node.Dispose();
    }

    [Theory]
    [InlineData("ingressRate", false)]
    [InlineData("egressRate", true)]
    public void A_pod_is_held_to_its_rate_in_the_direction_that_it_is_for_and_no_other_pod_is(string key, bool sends)
    {
        const int rate = 40_000_000; // bits/s: 5 MB/s
        const int bytes = 10_000_000;
        _node.Succeed(Add(_pod, "c1", $$"""{"{{key}}":{{rate}}}"""));
        _node.Succeed(Add(_other, "c2", "{}"));
        var (limited, free) = sends ? ((_pod, _other), (_other, _pod)) : ((_other, _pod), (_pod, _other));

        var held = Transfer(limited, bytes);
        var unheld = Transfer(free, bytes);

        // What arrives is payload, less than 5 % of which headers add. A busy machine can only make it take longer.
        var least = TimeSpan.FromSeconds(bytes * 8.0 / rate * 0.9);
        Assert.True(held >= least, $"{bytes} bytes took {held.TotalSeconds:F2} s at {rate} bits/s: less than {least.TotalSeconds:F2} s");
        Assert.True(held < TimeSpan.FromSeconds(4 * bytes * 8.0 / rate), $"{bytes} bytes took {held.TotalSeconds:F2} s at {rate} bits/s");
        Assert.True(unheld < held / 2, $"the other direction took {unheld.TotalSeconds:F2} s, and what is held {held.TotalSeconds:F2} s");
        // Nor do the links of other pods have anything that could hold them.
        Assert.Contains("noqueue", _node.Kernel.Run("tc", "qdisc", "show", "dev", Attachment.HostInterfaceOf("c2", "eth0")), StringComparison.Ordinal);
        Assert.Contains("noqueue", _other.Run("tc", "qdisc", "show", "dev", "eth0"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"ingressRate":8000000,"ingressBurst":262144,"egressRate":16000000,"egressBurst":0}""", "rate 8Mbit burst 32Kb", "rate 16Mbit burst 20000b")]
    [InlineData("""{"IngressRate":1000000,"IngressBurst":4294967295,"EgressRate":0,"EgressBurst":0}""", "rate 1Mbit burst 1514b", null)] // containerd
    [InlineData("""{"egressRate":2048,"egressBurst":1600}""", null, "rate 2048bit burst 1513b")] // no packet would fit 200 bytes
    public void Rates_and_bursts_are_what_tc_shows(string bandwidth, string? received, string? sent)
    {
        _node.Succeed(Add(_pod, "c1", bandwidth));
        Assert.Contains(received ?? "noqueue", _node.Kernel.Run("tc", "qdisc", "show", "dev", Attachment.HostInterfaceOf("c1", "eth0")), StringComparison.Ordinal);
        Assert.Contains(sent ?? "noqueue", _pod.Run("tc", "qdisc", "show", "dev", "eth0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_says_where_a_limit_is_gone_or_is_another()
    {
        var add = Add(_pod, "c1", """{"ingressRate":8000000,"egressRate":16000000}""");
        var config = JsonNode.Parse(add.Config)!;
        config["prevResult"] = _node.Succeed(add).DeepClone();
        var check = add with { Command = "CHECK", Config = config.ToJsonString() };
        _node.Succeed(check);
        _node.Kernel.Run("tc", "qdisc", "replace", "dev", Attachment.HostInterfaceOf("c1", "eth0"), "root", "tbf", "rate", "9mbit", "burst", "32kb", "limit", "1mb");
        _pod.Run("tc", "qdisc", "delete", "dev", "eth0", "root");
        var (code, _, details) = _node.Kernel.In(() => check.Fail());
        Assert.Equal(103, code);
        Assert.Contains("what the container receives is limited to 1125000 bytes/s", details, StringComparison.Ordinal);
        Assert.Contains("nothing limits what the container sends", details, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"ingressRate":-1}""", 7)]
    [InlineData("""{"ingressRate":7}""", 7)]
    [InlineData("""{"ingressRate":"10M"}""", 7)]
    [InlineData("""{"ingressBurst":10}""", 7)]
    [InlineData("""{"latency":10}""", 2)]
    public void What_makes_no_sense_is_refused_and_leaves_nothing(string bandwidth, int expected)
    {
        var before = _node.Show();
        Assert.Equal(expected, _node.Kernel.In(() => Add(_pod, "c1", bandwidth).Fail()).Code);
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Theory]
    [InlineData(8_000, null, 1_500)]
    [InlineData(1_000_000, null, 1_500)]
    [InlineData(1_000_000_000, null, 9_000)]
    [InlineData(100_000_000_000, null, 1_500)]
    [InlineData(long.MaxValue, null, 1_500)]
    [InlineData(1_000_000, 8L * 100_000_000, 1_500)]
    internal void A_bucket_holds_a_packet_and_a_queue_behind_it(long rate, long? burst, int mtu)
    {
        var bucket = Bandwidth.BucketFor(new BandwidthLimit(rate, burst), mtu);
        Assert.Equal((ulong)rate / 8, bucket.Rate);
        Assert.True(bucket.Burst >= mtu + 14);
        Assert.True(bucket.Limit >= bucket.Burst);
        if (burst is { } bits)
            Assert.Equal(bits / 8, bucket.Burst);
    }

    private Call Add(TestPod pod, string container, string bandwidth)
    {
        var config = _node.Folder.Json("1.1.0", Subnet);
        config["runtimeConfig"] = new JsonObject { ["bandwidth"] = JsonNode.Parse(bandwidth) };
        return new Call("ADD") { Netns = pod.Path, ContainerId = container, Config = config.ToJsonString() };
    }

    /// <summary>How long so many bytes take from the first pod to the second one.</summary>
    private TimeSpan Transfer((TestPod From, TestPod To) pods, int bytes)
    {
        var address = pods.To == _pod ? IPAddress.Parse("10.240.0.1") : IPAddress.Parse("10.240.0.2");
        using var listener = pods.To.Namespace.Run(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            made.BindAgain(new IPEndPoint(address, 9));
            made.Listen();
            return made;
        });
        using var sender = pods.From.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        sender.Connect(address, 9);
        using var receiver = listener.Accept();
        var sending = Task.Run(() =>
        {
            var block = new byte[64 * 1024];
            for (var left = bytes; left > 0;)
                left -= sender.Send(block, Math.Min(left, block.Length), SocketFlags.None);
        });
        var clock = Stopwatch.StartNew();
        var buffer = new byte[64 * 1024];
        for (var left = bytes; left > 0;)
        {
            var count = receiver.Receive(buffer);
            if (count == 0)
                throw new IOException("the sender ended early");
            left -= count;
        }

        clock.Stop();
        sending.GetAwaiter().GetResult();
        return clock.Elapsed;
    }
}
