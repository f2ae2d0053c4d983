using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

/// <summary>What a pod sends from an address that is not its own, on the wire.</summary>
public sealed class SourceGuardTests : IDisposable
{
    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();
    private readonly TestPod _other = new();

    public SourceGuardTests()
    {
        var config = _node.Folder.Config("10.240.0.0/27", "fd00:1::/64");
        _node.Succeed(new Call("ADD") { Netns = _pod.Path, Config = config });
        _node.Succeed(new Call("ADD") { Netns = _other.Path, Config = config, ContainerId = "c2" });
    }

    public void Dispose()
    {
        _pod.Dispose();
        _other.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Nft_lists_it_as_a_person_would_write_it()
    {
        const string expected = """
            table inet podnet-pods {
            	chain prerouting {
            		type filter hook prerouting priority raw; policy accept;
            		iifgroup != 80 accept
            		fib saddr . iif oif missing counter packets 0 bytes 0 drop
            		icmpv6 type { nd-router-advert, nd-neighbor-advert, nd-redirect } counter packets 0 bytes 0 drop
            	}
            }
            table arp podnet-pods {
            	chain input {
            		type filter hook input priority filter; policy accept;
            		iifgroup 80 counter packets 0 bytes 0 drop
            	}
            }

            """;
        var listed = System.Text.RegularExpressions.Regex.Replace(_node.Kernel.Run("nft", "list", "ruleset"), "packets [0-9]+ bytes [0-9]+", "packets 0 bytes 0");
        Assert.Equal(expected, listed);
    }

    [Theory]
    [InlineData("10.240.0.1", "10.240.0.2", true)]
    [InlineData("10.240.0.2", "192.0.2.1", false)] // another pod's
    [InlineData("10.240.0.9", "10.240.0.2", false)] // nobody's
    [InlineData("192.0.2.1", "10.240.0.2", false)] // the node's
    [InlineData("198.51.100.7", "10.240.0.2", false)] // of beyond the cluster
    [InlineData("fd00:1::1", "fd00:1::2", true)]
    [InlineData("fd00:1::2", "2001:db8::1", false)]
    [InlineData("2001:db8::1", "fd00:1::2", false)]
    [InlineData("2001:db8::7", "fd00:1::2", false)]
    public void Only_its_own_address_gets_out_of_a_pod(string source, string target, bool arrives)
    {
        var from = IPAddress.Parse(source);
        var to = IPAddress.Parse(target);
        var bits = from.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        if (!arrives) // so that the pod can send from it at all
            _pod.Run("ip", ["address", "add", $"{source}/{bits}", "dev", "eth0", .. bits == 128 ? (string[])["nodad"] : []]);
        var receiver = target is "192.0.2.1" or "2001:db8::1" ? _node.Kernel.Namespace : _other.Namespace;
        using var listener = receiver.Run(() => Bound(to, 9));
        using var sender = _pod.Namespace.Run(() => Bound(from, 0));
        var dropped = Dropped("fib");
        // Again and again: the kernel may need a moment to take note that a new link carries (net/core/link_watch.c).
        Poll.Until(() =>
        {
            sender.SendTo([1, 2, 3], new IPEndPoint(to, 9));
            return arrives ? listener.Poll(0, SelectMode.SelectRead) : Dropped("fib") > dropped;
        }, () => arrives ? "it does not arrive" : "it is not counted as dropped");
        if (arrives)
            Assert.Equal(dropped, Dropped("fib"));
        else
            Assert.False(listener.Poll(0, SelectMode.SelectRead), "it arrived");
    }

    [Fact]
    public void Arp_and_neighbour_advertisements_from_a_pod_are_dropped_and_counted()
    {
        _pod.Run("ip", "address", "add", "10.240.0.2/32", "dev", "eth0");
        _pod.Run("ip", "route", "add", "192.0.2.1/32", "dev", "eth0", "src", "10.240.0.2"); // on the link: so it asks by ARP
        using (var socket = _pod.Namespace.Run(() => Bound(IPAddress.Parse("10.240.0.2"), 0)))
            socket.SendTo([1], new IPEndPoint(TestNode.IPv4, 9));
        Poll.Until(() => Dropped("iifgroup 80") > 0, () => "the question by ARP is not counted as dropped");
        Assert.DoesNotContain("10.240.0.2", _node.Kernel.Run("ip", "neighbour", "show", "dev", Link("c1")));

        // The node asks the pod for its link-local address; the pod advertises it.
        var local = _pod.Json("address", "show", "dev", "eth0")[0]!["addr_info"]!.AsArray().Select(a => (string?)a!["local"]).First(a => a?.StartsWith("fe80", StringComparison.Ordinal) == true);
        using var ping = new Ping();
        _node.Kernel.In(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.SendTo([1], new IPEndPoint(new IPAddress(IPAddress.Parse(local!).GetAddressBytes(), Index("c1")), 9));
        });
        Poll.Until(() => Dropped("nd-neighbor-advert") > 0, () => "the advertisement is not counted as dropped");
    }

    [Fact]
    public void It_comes_back_with_the_next_add_and_check_says_that_it_is_gone()
    {
        _node.Kernel.Run("nft", "flush", "ruleset");
        using var third = new TestPod();
        var config = _node.Folder.Json("1.1.0", "10.240.0.0/27");
        var call = new Call("ADD") { Netns = third.Path, ContainerId = "c3", Config = config.ToJsonString() };
        config["prevResult"] = _node.Succeed(call).DeepClone();
        var check = call with { Command = "CHECK", Config = config.ToJsonString() };
        _node.Succeed(check);
        _node.Kernel.Run("nft", "flush", "chain", "inet", "podnet-pods", "prerouting");
        var (code, message, _) = _node.Kernel.In(() => check.Fail());
        Assert.Equal((103, "table inet podnet-pods is not as it was made: delete it, and the next ADD makes it anew"), (code, message));
        _node.Kernel.Run("nft", "delete", "table", "inet", "podnet-pods");
        Assert.Contains("nothing keeps pods", _node.Kernel.In(() => check.Fail()).Message);
    }

    /// <summary>What the rule with this text has counted.</summary>
    private int Dropped(string rule)
    {
        var line = _node.Kernel.Run("nft", "list", "ruleset").Split('\n').Single(line => line.Contains(rule, StringComparison.Ordinal) && line.Contains("counter", StringComparison.Ordinal));
        return int.Parse(line.Split("packets ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static string Link(string container) => Wiring.Attachment.HostInterfaceOf(container, "eth0");

    private int Index(string container) => (int)_node.Json("link", "show", "dev", Link(container))[0]!["ifindex"]!;

    private static Socket Bound(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.BindAgain(new IPEndPoint(address, port));
        return socket;
    }
}
