using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Podnet.Cni.Protocol;
using Podnet.Cni.Wiring;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

public sealed class WiringTests : IDisposable
{
    private const string V4 = "10.240.0.0/27";
    private const string V6 = "fd00:1::/64";

    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();

    public void Dispose()
    {
        _pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Add_connects_a_pod_as_the_tools_see_it()
    {
        var config = _node.Folder.Json("1.1.0", V4, V6);
        config["mtu"] = 1450;
        config["runtimeConfig"] = JsonNode.Parse("""{"ips":["10.240.0.28"]}""");
        var result = _node.Succeed(Add(_pod) with { Config = config.ToJsonString() });

        var host = (string)result["interfaces"]![0]!["name"]!;
        var hostMac = (string)result["interfaces"]![0]!["mac"]!;
        var podMac = (string)result["interfaces"]![1]!["mac"]!;
        Assert.Equal(Name("c1"), host);
        var link = _node.Json("link", "show", "dev", host)[0]!;
        Assert.Equal("veth", (string)link["linkinfo"]!["info_kind"]!);
        Assert.Equal(("UP", 1450, hostMac, "default/nginx-0"), ((string)link["operstate"]!, (int)link["mtu"]!, (string)link["address"]!, (string)link["ifalias"]!));
        var eth0 = _pod.Json("link", "show", "dev", "eth0")[0]!;
        Assert.Equal(("UP", 1450, podMac), ((string)eth0["operstate"]!, (int)eth0["mtu"]!, (string)eth0["address"]!));
        Assert.Contains("UP", _pod.Json("link", "show", "dev", "lo")[0]!["flags"]!.ToJsonString());

        // ip addr show dev eth0 scope global; usable at once: no duplicate address detection
        Assert.Equal(
            ["10.240.0.28/32", "fd00:1::1/128"],
            _pod.Json("address", "show", "dev", "eth0", "scope", "global")[0]!["addr_info"]!.AsArray().Where(a => a!["local"] is not null).Select(a => $"{a!["local"]}/{a["prefixlen"]}"));
        Assert.DoesNotContain("tentative", _pod.Run("ip", "-6", "address", "show", "dev", "eth0", "scope", "global"));
        Assert.Equal("default via 169.254.1.1 dev eth0 proto static onlink \n", _pod.Run("ip", "route"));
        Assert.Contains("default via fe80::1 dev eth0 proto static metric 1024", _pod.Run("ip", "-6", "route"));
        Assert.Equal(
            [$"169.254.1.1 dev eth0 lladdr {hostMac} PERMANENT", $"fe80::1 dev eth0 lladdr {hostMac} PERMANENT"],
            Lines(_pod.Run("ip", "neighbour", "show", "nud", "permanent")));

        Assert.Equal($"10.240.0.28 dev {host} proto 80 scope link \n", _node.Kernel.Run("ip", "route"));
        Assert.Contains($"fd00:1::1 dev {host} proto 80 metric 1024", _node.Kernel.Run("ip", "-6", "route"));
        Assert.Equal(
            [$"10.240.0.28 dev {host} lladdr {podMac} PERMANENT", $"fd00:1::1 dev {host} lladdr {podMac} PERMANENT"],
            Lines(_node.Kernel.Run("ip", "neighbour", "show", "nud", "permanent")));
        Assert.Equal("0", _node.Kernel.In(() => Sysctl.Read($"net.ipv6.conf.{host}.accept_ra")));
        Assert.Equal("0", _pod.Namespace.Run(() => Sysctl.Read("net.ipv6.conf.eth0.accept_ra")));
        Assert.DoesNotContain("tentative", _pod.Run("ip", "-6", "address", "show", "dev", "eth0")); // nor its link-local one
        Assert.Equal("80", (string)link["group"]!);
        Assert.Equal(["10.240.0.28", "fd00:1::1"], _node.Folder.Addresses);
    }

    [Theory]
    [InlineData("""{"runtimeConfig":{"mac":"0a:58:0a:f0:00:01"}}""", "")]
    [InlineData("""{"args":{"cni":{"mac":"0a:58:0a:f0:00:01"}}}""", "")]
    [InlineData("{}", "MAC=0a:58:0a:f0:00:01")]
    public void A_pod_gets_the_link_address_that_was_asked_for(string more, string arguments)
    {
        var config = _node.Folder.Json("1.1.0", V4, V6);
        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject().ToList())
            config[key] = value!.DeepClone();
        var call = Add(_pod) with { Config = config.ToJsonString(), Arguments = arguments };
        var result = _node.Succeed(call);
        Assert.Equal("0a:58:0a:f0:00:01", (string)result["interfaces"]![1]!["mac"]!);
        Assert.Equal("0a:58:0a:f0:00:01", (string)_pod.Json("link", "show", "dev", "eth0")[0]!["address"]!);
        Assert.Equal(TestNode.IPv6, Tcp.SourceSeen(_node.Kernel.Namespace, _pod.Namespace, Addresses(result)[1]));
        config["prevResult"] = result.DeepClone();
        _node.Succeed(call with { Command = "CHECK", Config = config.ToJsonString() });
    }

    [Theory]
    [InlineData("pod")]
    [InlineData("node")]
    public void An_IPv6_address_works_where_new_links_have_no_IPv6(string where)
    {
        string[] off = ["-qw", "net.ipv6.conf.default.disable_ipv6=1", .. where == "pod" ? (string[])["net.ipv6.conf.all.disable_ipv6=1"] : []];
        _ = where == "pod" ? _pod.Run("sysctl", off) : _node.Kernel.Run("sysctl", off);
        var call = Add(_pod) with { Config = _node.Folder.Config(V4) };
        _node.Succeed(call); // what needs no IPv6 turns none on
        var link = Name("c1");
        Assert.Equal("1", where == "pod" ? _pod.Run("sysctl", "-n", "net.ipv6.conf.eth0.disable_ipv6").Trim() : _node.Kernel.Run("sysctl", "-n", $"net.ipv6.conf.{link}.disable_ipv6").Trim());
        _node.Succeed(call with { Command = "DEL" });
        var address = Addresses(_node.Succeed(call with { Config = _node.Folder.Config(V4, V6) }))[1];
        Assert.Equal(TestNode.IPv6, Tcp.SourceSeen(_node.Kernel.Namespace, _pod.Namespace, address));
        Assert.Equal(address, Tcp.SourceSeen(_pod.Namespace, _pod.Namespace, address));
        Assert.Equal("0", _node.Kernel.In(() => Sysctl.Read($"net.ipv6.conf.{link}.accept_ra")));
    }

    [Fact]
    public void Both_ends_have_the_offloads_of_any_veth_pair()
    {
        _node.Succeed(Add(_pod) with { Config = _node.Folder.Config(V4, V6) });
        _node.Kernel.Run("ip", "link", "add", "plain", "type", "veth", "peer", "name", "other-end");
        var plain = Features(_node.Kernel.Run("ethtool", "-k", "plain"));
        Assert.Equal(plain, Features(_node.Kernel.Run("ethtool", "-k", Name("c1"))));
        Assert.Equal(plain, Features(_pod.Run("ethtool", "-k", "eth0")));

        static string[] Features(string shown) => Lines(shown)[1..]; // the first line names the link
    }

    [Fact]
    public async Task The_first_packet_to_a_pod_arrives_while_links_elsewhere_come_and_go()
    {
        // The kernel takes note of links that carry once a second, those that matter apart, on one list for all namespaces.
        using var elsewhere = new Kernel();
        using var stop = new CancellationTokenSource();
        var comingAndGoing = Task.Run(() => elsewhere.In(() =>
        {
            using var links = new RouteSocket();
            var link = links.CreateVeth(new VethPair("here", "there") { PeerNamespace = elsewhere.Namespace });
            links.Execute(new RouteRequests().SetUp(link.PeerIndex));
            while (!stop.IsCancellationRequested)
                links.Execute(new RouteRequests().SetUp(link.Index).SetDown(link.Index));
        }));
        try
        {
            for (var i = 1; i <= 40; i++)
            {
                using var pod = new TestPod();
                var address = Addresses(_node.Succeed(Add(pod) with { Config = _node.Folder.Config("10.240.0.0/24"), ContainerId = $"c{i}" }))[0];
                using var sender = _node.Kernel.In(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
                using var receiver = pod.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
                receiver.Bind(new IPEndPoint(address, 8080));
                sender.SendTo([1], new IPEndPoint(address, 8080));
                Assert.True(receiver.Poll(TimeSpan.FromSeconds(5), SelectMode.SelectRead), $"lost, of pod {i}");
            }
        }
        finally
        {
            await stop.CancelAsync();
            await comingAndGoing;
        }
    }

    [Fact]
    public void Pods_and_node_reach_each_other_and_see_each_others_own_addresses()
    {
        using var other = new TestPod();
        var config = _node.Folder.Config(V4, V6);
        var a = Addresses(_node.Succeed(Add(_pod) with { Config = config }));
        var b = Addresses(_node.Succeed(Add(other) with { Config = config, ContainerId = "c2" }));
        IPAddress[] nodeAddresses = [TestNode.IPv4, TestNode.IPv6];
        for (var family = 0; family < 2; family++)
        {
            Assert.Equal(a[family], Tcp.SourceSeen(_pod.Namespace, other.Namespace, b[family]));
            Assert.Equal(b[family], Tcp.SourceSeen(other.Namespace, _pod.Namespace, a[family]));
            Assert.Equal(a[family], Tcp.SourceSeen(_pod.Namespace, _node.Kernel.Namespace, nodeAddresses[family]));
            Assert.Equal(nodeAddresses[family], Tcp.SourceSeen(_node.Kernel.Namespace, _pod.Namespace, a[family]));
            Assert.Equal(a[family], Tcp.SourceSeen(_pod.Namespace, _pod.Namespace, a[family]));
        }

        using var ping = new Ping();
        Assert.Equal(IPStatus.Success, _pod.Namespace.Run(() => ping.Send(b[0], 5000)).Status);
        Assert.Equal(IPStatus.Success, _node.Kernel.In(() => ping.Send(a[0], 5000)).Status);
    }

    [Fact]
    public void Add_for_an_interface_that_exists_fails_and_harms_nothing()
    {
        var call = Add(_pod) with { Config = _node.Folder.Config(V4) };
        _node.Succeed(call);
        var (node, pod) = (_node.Show(), TestNode.ShowNamespace(_pod.Namespace));
        var (code, message, _) = _node.Kernel.In(() => call.Fail());
        Assert.Equal(104, code);
        Assert.Contains("eth0", message);
        (code, message, _) = _node.Kernel.In(() => (call with { ContainerId = "c2" }).Fail());
        Assert.Equal(104, code);
        Assert.Equal((node, pod), (_node.Show(), TestNode.ShowNamespace(_pod.Namespace)));
        Assert.Equal(["10.240.0.1"], _node.Folder.Addresses);
    }

    [Theory]
    [InlineData(AddStep.Reserve)]
    [InlineData(AddStep.GuardSources)]
    [InlineData(AddStep.CreateLink)]
    [InlineData(AddStep.HostSettings)]
    [InlineData(AddStep.PodSettings)]
    [InlineData(AddStep.PodSide)]
    [InlineData(AddStep.HostSide)]
    [InlineData(AddStep.Answer)]
    internal void Add_that_fails_at_a_step_leaves_nothing(AddStep step)
    {
        var call = Add(_pod) with { Config = _node.Folder.Config(V4, V6) };
        var (node, podLinks) = (_node.Show(), _pod.Run("ip", "-brief", "link", "show", "type", "veth"));
        var (code, _, details) = _node.Kernel.In(() => call.Fail(
            taken => _ = taken == step ? throw new KernelException(Errno.NoMemory, "injected") : 0));
        Assert.Equal(100, code);
        Assert.Contains("injected", details);
        Assert.Equal(node, _node.Show());
        Assert.Equal(podLinks, _pod.Run("ip", "-brief", "link", "show", "type", "veth"));
        Assert.Empty(_node.Folder.Addresses);
        _node.Succeed(call);
    }

    [Fact]
    public void Add_does_not_take_over_a_route_that_leads_elsewhere()
    {
        _node.Kernel.Run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other1");
        _node.Kernel.Run("ip", "link", "set", "other1", "up");
        _node.Kernel.Run("ip", "link", "set", "other", "up");
        _node.Kernel.Run("ip", "route", "add", "10.240.0.1/32", "dev", "other");
        var before = _node.Show();
        var (code, _, details) = _node.Kernel.In(() => (Add(_pod) with { Config = _node.Folder.Config(V4) }).Fail());
        Assert.Equal(100, code);
        Assert.Contains("10.240.0.1/32", details);
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void Delete_may_be_repeated_and_needs_no_namespace()
    {
        var before = _node.Show();
        var config = _node.Folder.Config(V4, V6);
        var delete = new Call("DEL") { Config = config };
        _node.Succeed(delete); // never added
        _node.Succeed(Add(_pod) with { Config = config });
        _node.Succeed(delete with { Netns = "/run/netns/gone-long-ago" });
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
        _node.Succeed(delete);
        using (var shortLived = new TestPod())
            _node.Succeed(Add(shortLived) with { Config = config });
        _node.Succeed(delete); // the namespace, and with it the link, ends whenever the kernel gets to it
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void Check_is_content_after_add()
    {
        _node.Succeed(Check(AddPod()));
    }

    [Theory]
    [InlineData("node", "link set {host} down", "is down")]
    [InlineData("node", "link delete {host}", "the node has no interface")]
    [InlineData("node", "link set {host} address 02:00:00:00:00:99", "has link address 02:00:00:00:00:99")]
    [InlineData("node", "route delete 10.240.0.1/32", "the node has no route to 10.240.0.1/32")]
    [InlineData("node", "neighbour delete 10.240.0.1 dev {host}", "the node has no permanent neighbour 10.240.0.1")]
    [InlineData("pod", "link set eth0 down", "eth0 in the container is down")]
    [InlineData("pod", "link set eth0 address 02:00:00:00:00:99", "eth0 has link address")]
    [InlineData("pod", "address delete 10.240.0.1/32 dev eth0", "eth0 has not the address 10.240.0.1")]
    [InlineData("pod", "route delete default", "no default route via 169.254.1.1")]
    [InlineData("pod", "-6 route delete default", "no default route via fe80::1")]
    [InlineData("pod", "neighbour delete 169.254.1.1 dev eth0", "no permanent neighbour 169.254.1.1")]
    [InlineData("disk", "10.240.0.1", "address 10.240.0.1 is not reserved")]
    public void Check_says_what_is_wrong(string where, string what, string expected)
    {
        var result = AddPod();
        var arguments = what.Replace("{host}", Name("c1")).Split(' ');
        if (where == "node")
            _node.Kernel.Run("ip", arguments);
        else if (where == "pod")
            _pod.Run("ip", arguments);
        else
            File.Delete($"{_node.Folder.Path}/podnet/{what}");
        var (code, _, details) = _node.Kernel.In(() => Check(result).Fail());
        Assert.Equal(103, code);
        Assert.Contains(expected, details);
    }

    [Fact]
    public void Check_accepts_what_a_later_plugin_changed_and_put_into_the_result()
    {
        var result = AddPod();
        _pod.Run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:99");
        _pod.Run("ip", "address", "add", "10.77.0.1/32", "dev", "eth0");
        foreach (var ip in new[] { "10.240.0.1", "fd00:1::1" })
            _node.Kernel.Run("ip", "neighbour", "replace", ip, "lladdr", "02:00:00:00:00:99", "dev", Name("c1"), "nud", "permanent");
        // The kernel forgets the neighbours of a device whose address changes (neigh_changeaddr), permanent or not.
        foreach (var gateway in new[] { "169.254.1.1", "fe80::1" })
            _pod.Run("ip", "neighbour", "replace", gateway, "lladdr", (string)result["interfaces"]![0]!["mac"]!, "dev", "eth0", "nud", "permanent");
        result["interfaces"]![1]!["mac"] = "02:00:00:00:00:99";
        result["ips"]!.AsArray().Add(JsonNode.Parse("""{"address":"10.77.0.1/32","interface":1}"""));
        _node.Succeed(Check(result));
    }

    [Fact]
    public void Two_hundred_adds_at_once_get_two_hundred_addresses()
    {
        const int count = 200;
        var before = _node.Show();
        var config = _node.Folder.Config("10.240.0.0/24", V6);
        var pods = Enumerable.Range(0, count).Select(_ => new TestPod()).ToList();
        try
        {
            var given = InParallel(count, i => Addresses(Add(pods[i]) with { Config = config, ContainerId = $"c{i}" }));
            Assert.Equal(count, given.Select(addresses => addresses[0]).Distinct().Count());
            Assert.Equal(2 * count, _node.Folder.Addresses.Length);
            Assert.Equal(count, Lines(_node.Kernel.Run("ip", "-brief", "link", "show", "type", "veth")).Length);
            Assert.Equal(count, Lines(_node.Kernel.Run("ip", "route", "show", "proto", "80")).Length);
            InParallel(count, i => new Call("DEL") { Config = config, ContainerId = $"c{i}" }.Succeed());
            Assert.Equal(before, _node.Show());
            Assert.Empty(_node.Folder.Addresses);
        }
        finally
        {
            pods.ForEach(pod => pod.Dispose());
        }
    }

    /// <summary>Each on a thread of its own inside the node, as processes would run: a lock of flock(2) belongs to an open file.</summary>
    private T[] InParallel<T>(int count, Func<int, T> work)
    {
        var results = new Task<T>[count];
        for (var i = 0; i < count; i++)
        {
            var index = i;
            results[i] = Task.Factory.StartNew(() => _node.Kernel.In(() => work(index)), TaskCreationOptions.LongRunning);
        }

        return Task.WhenAll(results).GetAwaiter().GetResult();
    }

    private JsonNode AddPod() => _node.Succeed(Add(_pod) with { Config = _node.Folder.Config(V4, V6) });

    private static Call Add(TestPod pod) => new("ADD") { Netns = pod.Path };

    private Call Check(JsonNode result)
    {
        var config = _node.Folder.Json("1.1.0", V4, V6);
        config["prevResult"] = result.DeepClone();
        return new Call("CHECK") { Netns = _pod.Path, Config = config.ToJsonString() };
    }

    private static IPAddress[] Addresses(Call call) => Addresses(call.Succeed());

    private static IPAddress[] Addresses(JsonNode result) =>
        result["ips"]!.AsArray().Select(ip => IPAddress.Parse(((string)ip!["address"]!).Split('/')[0])).ToArray();

    private static string Name(string container) =>
        Attachment.Of(new Request(CniCommand.Add, container, "eth0", null, CniArguments.None)).HostInterface;

    private static string[] Lines(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal).ToArray();
}
