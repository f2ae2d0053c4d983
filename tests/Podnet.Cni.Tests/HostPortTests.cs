using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Podnet.Cni.Wiring;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

/// <summary>Host ports, by real packets: from the node, from the pod itself, from another pod, and from beyond the node.</summary>
public sealed class HostPortTests : IDisposable
{
    private const string V4 = "10.240.0.0/27";
    private const string V6 = "fd00:1::/64";

    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();
    private readonly TestPod _other = new();
    private readonly TestPod _outside = new();

    public HostPortTests()
    {
        _node.Kernel.Run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", $"/proc/{Environment.ProcessId}/fd/{_outside.Namespace.Descriptor}");
        foreach (var arguments in (string[])["address add 198.51.100.1/24 dev up0", "address add 2001:db8:1::1/64 dev up0 nodad", "link set up0 up"])
            _node.Kernel.Run("ip", arguments.Split(' '));
        foreach (var arguments in (string[])["address add 198.51.100.2/24 dev eth0", "address add 2001:db8:1::2/64 dev eth0 nodad", "link set eth0 up", "link set lo up",
            "route add default via 198.51.100.1", "-6 route add default via 2001:db8:1::1"])
            _outside.Run("ip", arguments.Split(' '));
    }

    public void Dispose()
    {
        _pod.Dispose();
        _other.Dispose();
        _outside.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Nft_lists_them_with_the_pods_that_they_lead_to()
    {
        _node.Succeed(Add(_pod, "c1", Port(8080, 80), Port(5353, 53, "udp", "192.0.2.1")));
        var expected = $$"""
            table inet podnet-host-ports { # comment "host ports of pods"
            	map ports-ipv4 {
            		typeof ip daddr . meta l4proto . th dport : ip daddr . th dport
            		flags interval
            		counter
            		elements = { 0.0.0.0/0 . tcp . 8080 counter packets 0 bytes 0 comment "{{Link("c1")}} default/nginx-0" : 10.240.0.1 . 80,
            			     192.0.2.1 . udp . 5353 counter packets 0 bytes 0 comment "{{Link("c1")}} default/nginx-0" : 10.240.0.1 . 53 }
            	}

            	map ports-ipv6 {
            		typeof ip6 daddr . meta l4proto . th dport : ip6 daddr . th dport
            		flags interval
            		counter
            		elements = { ::/0 . tcp . 8080 counter packets 0 bytes 0 comment "{{Link("c1")}} default/nginx-0" : fd00:1::1 . 80 }
            	}

            	set pods-ipv4 {
            		typeof ip saddr . ip daddr
            		elements = { 10.240.0.1 . 10.240.0.1 comment "{{Link("c1")}} default/nginx-0" }
            	}

            	set pods-ipv6 {
            		typeof ip6 saddr . ip6 daddr
            		elements = { fd00:1::1 . fd00:1::1 comment "{{Link("c1")}} default/nginx-0" }
            	}

            	chain guard {
            		type filter hook prerouting priority raw; policy accept;
            		iifgroup 80 ip daddr 127.0.0.0/8 counter packets 0 bytes 0 drop
            	}

            	chain prerouting {
            		type nat hook prerouting priority dstnat + 5; policy accept;
            		fib daddr type local jump host-ports
            	}

            	chain output {
            		type nat hook output priority -95; policy accept;
            		fib daddr type local jump host-ports
            	}

            	chain host-ports {
            		ip6 daddr ::1 return
            		meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @ports-ipv4
            		meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports-ipv6
            	}

            	chain postrouting {
            		type nat hook postrouting priority srcnat; policy accept;
            		oifgroup 80 ip saddr 127.0.0.0/8 counter packets 0 bytes 0 masquerade fully-random
            		ct status dnat ip saddr . ip daddr @pods-ipv4 counter packets 0 bytes 0 masquerade fully-random
            		ct status dnat ip6 saddr . ip6 daddr @pods-ipv6 counter packets 0 bytes 0 masquerade fully-random
            	}
            }

            """.Replace("podnet-host-ports { # comment", "podnet-host-ports {\n\tcomment");
        var listed = System.Text.RegularExpressions.Regex.Replace(_node.Kernel.Run("nft", "list", "table", "inet", "podnet-host-ports"), "packets [0-9]+ bytes [0-9]+", "packets 0 bytes 0");
        Assert.Equal(expected, listed);
    }

    public static TheoryData<ProxyRules, string, string, string> Ways()
    {
        var rows = new TheoryData<ProxyRules, string, string, string>();
        foreach (var proxy in Enum.GetValues<ProxyRules>())
        {
            foreach (var protocol in (string[])["tcp", "udp"])
            {
                foreach (var (from, to) in (ReadOnlySpan<(string, string)>)
                [
                    ("node", "192.0.2.1"), ("node", "127.0.0.1"), ("node", "127.0.0.5"), ("node", "2001:db8::1"),
                    ("pod", "192.0.2.1"), ("pod", "198.51.100.1"), ("pod", "2001:db8::1"),
                    ("other", "192.0.2.1"), ("other", "2001:db8::1"),
                    ("outside", "192.0.2.1"), ("outside", "198.51.100.1"), ("outside", "2001:db8::1"), ("outside", "2001:db8:1::1"),
                ])
                    rows.Add(proxy, protocol, from, to);
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_host_port_leads_to_the_pod_from_everywhere_and_with_either_proxy(ProxyRules proxy, string protocol, string from, string to)
    {
        _node.Kernel.In(() => proxy.Install());
        _node.Succeed(Add(_pod, "c1", Port(8080, 80, protocol)));
        _node.Succeed(Add(_other, "c2"));
        var target = new IPEndPoint(IPAddress.Parse(to), 8080);
        using var server = Server(_pod, protocol, target.AddressFamily, 80);
        var client = Client(NamespaceOf(from), protocol, target, server);
        // Only what could not come back otherwise is masqueraded.
        var (v4, v6) = from switch
        {
            "other" => ("10.240.0.2", "fd00:1::2"),
            "outside" => ("198.51.100.2", "2001:db8:1::2"),
            _ => (null, null),
        };
        var expected = target.AddressFamily == AddressFamily.InterNetwork ? v4 : v6;
        if (expected is not null)
            Assert.Equal(expected, client.ToString());
        else
            Assert.Contains(client.ToString(), (string[])["192.0.2.1", "198.51.100.1", "2001:db8::1", "2001:db8:1::1"]);
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "198.51.100.1", false)]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "192.0.2.1", false)]
    [InlineData("0.0.0.0", "192.0.2.1", true)]
    [InlineData("0.0.0.0", "2001:db8::1", false)]
    [InlineData("::", "2001:db8:1::1", true)]
    [InlineData("::", "192.0.2.1", false)]
    [InlineData("2001:db8::1", "2001:db8::1", true)]
    [InlineData("2001:db8::1", "2001:db8:1::1", false)]
    [InlineData("", "::1", false)] // the kernel forwards nothing from there: refused at once, not lost
    public void A_host_ip_is_the_one_address_that_leads_to_the_pod(string hostIP, string to, bool leads)
    {
        _node.Succeed(Add(_pod, "c1", Port(8080, 80, "tcp", hostIP)));
        var target = new IPEndPoint(IPAddress.Parse(to), 8080);
        using var server = Server(_pod, "tcp", target.AddressFamily, 80);
        if (leads)
            Client(_node.Kernel.Namespace, "tcp", target, server);
        else
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => Client(_node.Kernel.Namespace, "tcp", target, server)).SocketErrorCode);
    }

    [Fact]
    public void Only_a_pods_link_that_needs_it_carries_127_0_0_1_and_never_from_the_pod()
    {
        _node.Succeed(Add(_pod, "c1", Port(8080, 80)));
        _node.Succeed(Add(_other, "c2", Port(9090, 80, "tcp", "192.0.2.1")));
        Assert.Equal(("1", "0", "0"), (Localnet(Link("c1")), Localnet(Link("c2")), Localnet("all")));
        using var listener = _node.Kernel.In(() => Bound("udp", new IPEndPoint(IPAddress.Loopback, 7)));
        using var sender = _pod.Namespace.Run(() =>
        {
            Sysctl.Ensure("net.ipv4.conf.eth0.route_localnet", "1");
            Tool("ip", "route", "replace", "table", "local", "127.0.0.1", "via", "169.254.1.1", "dev", "eth0", "onlink", "src", "10.240.0.1");
            Tool("ip", "route", "delete", "table", "local", "127.0.0.0/8", "dev", "lo");
            return Bound("udp", new IPEndPoint(IPAddress.Parse("10.240.0.1"), 0));
        });
        Poll.Until(() =>
        {
            sender.SendTo([1], new IPEndPoint(IPAddress.Loopback, 7));
            return !_node.Kernel.Run("nft", "list", "chain", "inet", "podnet-host-ports", "guard").Contains("packets 0 ", StringComparison.Ordinal);
        }, () => "it is not counted as dropped");
        Assert.False(listener.Poll(0, SelectMode.SelectRead), "it arrived");

        string Localnet(string link) => _node.Kernel.In(() => Sysctl.Read($"net.ipv4.conf.{link}.route_localnet"));
    }

    [Fact]
    public void A_service_with_the_same_node_port_goes_first()
    {
        _node.Kernel.Run("nft", "add table ip services; add chain ip services p { type nat hook output priority -100; }; add rule ip services p tcp dport 8080 dnat to 10.240.0.2:80");
        _node.Succeed(Add(_pod, "c1", Port(8080, 80)));
        _node.Succeed(Add(_other, "c2"));
        using var server = Server(_other, "tcp", AddressFamily.InterNetwork, 80);
        Client(_node.Kernel.Namespace, "tcp", new IPEndPoint(TestNode.IPv4, 8080), server);
    }

    [Fact]
    public void Sctp_has_its_elements_and_containerds_way_to_write_keys_is_read()
    {
        var mapping = JsonNode.Parse("""{"HostPort":9999,"ContainerPort":99,"Protocol":"SCTP","HostIP":""}""")!;
        var none = JsonNode.Parse("""{"HostPort":0,"ContainerPort":80,"Protocol":"tcp","HostIP":""}""")!;
        _node.Succeed(Add(_pod, "c1", mapping, none));
        Assert.Contains("0.0.0.0/0 . sctp . 9999", Ports(), StringComparison.Ordinal);
        Assert.Contains(": 10.240.0.1 . 99", Ports(), StringComparison.Ordinal);
        Assert.DoesNotContain("tcp . 0", Ports(), StringComparison.Ordinal);
    }

    [Fact]
    public void Delete_and_gc_leave_none_of_a_pods_ports_and_all_of_the_others()
    {
        Call[] adds = [Add(_pod, "c1", Port(8080, 80), Port(8081, 81, "udp")), Add(_other, "c2", Port(9090, 80))];
        foreach (var add in adds)
            _node.Succeed(add);
        var delete = adds[0] with { Command = "DEL", Config = _node.Folder.Config(V4, V6), Netns = null };
        _node.Succeed(delete); // no runtimeConfig, no namespace
        _node.Succeed(delete);
        Assert.DoesNotContain(Link("c1"), Ports(), StringComparison.Ordinal);
        Assert.Contains(Link("c2"), Ports(), StringComparison.Ordinal);
        _node.Succeed(adds[0] with { ContainerId = "c3" });
        Collect("c2");
        Assert.DoesNotContain(Link("c3"), Ports(), StringComparison.Ordinal);
        Assert.Contains(": 10.240.0.2 . 80", Ports(), StringComparison.Ordinal);
        Collect();
        Assert.DoesNotContain("elements", Ports(), StringComparison.Ordinal);
    }

    [Fact]
    public void Gc_keeps_the_ports_of_another_network()
    {
        var config = _node.Folder.Json("1.1.0", "10.7.0.0/24");
        config["name"] = "other";
        config["runtimeConfig"] = new JsonObject { ["portMappings"] = new JsonArray(Port(8080, 80)) };
        _node.Succeed(new Call("ADD") { Netns = _pod.Path, Config = config.ToJsonString() });
        Collect();
        Assert.Contains(": 10.7.0.1 . 80", Ports(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("", "192.0.2.1")]
    [InlineData("192.0.2.1", "")]
    [InlineData("192.0.2.1", "192.0.2.1")]
    public void A_port_that_another_pod_has_is_an_error_that_leaves_nothing(string first, string second)
    {
        _node.Succeed(Add(_pod, "c1", Port(8080, 80, "tcp", first)));
        var (node, ports) = (_node.Show(), Ports());
        var (code, message, details) = _node.Kernel.In(() => Add(_other, "c2", Port(8081, 81), Port(8080, 80, "tcp", second)).Fail());
        Assert.Equal(105, code);
        Assert.Contains("tcp port 8080", message, StringComparison.Ordinal);
        Assert.Contains("default/nginx-0", details, StringComparison.Ordinal);
        Assert.Equal((node, ports), (_node.Show(), Ports()));
        Assert.Equal(["10.240.0.1", "fd00:1::1"], _node.Folder.Addresses);
        _node.Succeed(Add(_other, "c2", Port(8080, 80, "udp", second)));
    }

    [Fact]
    public void Ports_of_a_pod_whose_link_is_gone_are_free_and_so_are_those_of_a_container_that_is_added_again()
    {
        var add = Add(_pod, "c1", Port(8080, 80), Port(8081, 81));
        _node.Succeed(add);
        _node.Kernel.Run("ip", "link", "delete", Link("c1"));
        _node.Succeed(Add(_other, "c2", Port(8080, 80)));
        Assert.Contains(": 10.240.0.2 . 80", Ports(), StringComparison.Ordinal);
        Assert.DoesNotContain(": 10.240.0.1", Ports(), StringComparison.Ordinal);

        _node.Succeed(Add(_pod, "c1", Port(8082, 82)));
        _node.Kernel.Run("ip", "link", "delete", Link("c1"));
        _node.Succeed(Add(_pod, "c1")); // the same container, with none now
        Assert.DoesNotContain(": 10.240.0.1", Ports(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MapPorts")]
    [InlineData("LimitBandwidth")]
    [InlineData("Answer")]
    public void Add_that_fails_after_its_ports_were_made_leaves_none(string step)
    {
        _node.Succeed(Add(_other, "c2", Port(9090, 80)));
        var (node, ports) = (_node.Show(), Ports());
        var call = Add(_pod, "c1", """{"ingressRate":1000000}""", Port(8080, 80));
        var (code, _, details) = _node.Kernel.In(() => call.Fail(
            taken => _ = taken == Enum.Parse<AddStep>(step) ? throw new KernelException(Errno.NoMemory, "injected") : 0));
        Assert.Equal(100, code);
        Assert.Contains("injected", details, StringComparison.Ordinal);
        Assert.Equal((node, ports), (_node.Show(), Ports()));
        _node.Succeed(call);
    }

    [Fact]
    public void Add_without_host_ports_makes_no_table()
    {
        _node.Succeed(Add(_pod, "c1"));
        Assert.DoesNotContain("podnet-host-ports", _node.Kernel.Run("nft", "list", "tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_udp_sender_that_never_pauses_follows_the_port()
    {
        var target = new IPEndPoint(TestNode.IPv4, 5353);
        using var client = _outside.Namespace.Run(() => Bound("udp", new IPEndPoint(IPAddress.Any, 0)));
        client.SendTo([0], target); // a connection to the node itself, where nobody listens
        _node.Succeed(Add(_pod, "c1", Port(5353, 53, "udp")));
        using var first = Server(_pod, "udp", AddressFamily.InterNetwork, 53);
        Poll.Until(() => Send(first), () => "nothing comes to the first pod");
        _node.Succeed(new Call("DEL") { Config = _node.Folder.Config(V4, V6) });
        _node.Succeed(Add(_other, "c2", Port(5353, 53, "udp")));
        using var second = Server(_other, "udp", AddressFamily.InterNetwork, 53);
        Poll.Until(() => Send(second), () => "nothing comes to the second pod");

        bool Send(Socket server)
        {
            client.SendTo([0], target);
            return server.Poll(0, SelectMode.SelectRead);
        }
    }

    [Theory]
    [InlineData("delete element inet podnet-host-ports ports-ipv4 { 0.0.0.0/0 . tcp . 8080 }", "tcp port 8080 of the node does not lead to 10.240.0.1:80")]
    [InlineData("flush chain inet podnet-host-ports output", "is not as it was made")]
    [InlineData("delete table inet podnet-host-ports", "no host port leads anywhere")]
    public void Check_says_what_is_wrong_and_the_next_add_repairs_the_table(string harm, string expected)
    {
        var add = Add(_pod, "c1", Port(8080, 80));
        var config = JsonNode.Parse(add.Config)!;
        config["prevResult"] = _node.Succeed(add).DeepClone();
        var check = add with { Command = "CHECK", Config = config.ToJsonString() };
        _node.Succeed(check);
        _node.Kernel.Run("nft", harm);
        var (code, _, details) = _node.Kernel.In(() => check.Fail());
        Assert.Equal(103, code);
        Assert.Contains(expected, details, StringComparison.Ordinal);
        _node.Succeed(Add(_other, "c2", Port(9090, 80)));
        if (harm.StartsWith("flush", StringComparison.Ordinal))
            _node.Succeed(check);
    }

    [Theory]
    [InlineData("""{"hostPort":70000,"containerPort":80}""", 7)]
    [InlineData("""{"hostPort":-1,"containerPort":80}""", 7)]
    [InlineData("""{"hostPort":80,"containerPort":0}""", 7)]
    [InlineData("""{"hostPort":80}""", 7)]
    [InlineData("""{"hostPort":80,"containerPort":80,"protocol":"icmp"}""", 7)]
    [InlineData("""{"hostPort":80,"containerPort":80,"hostIP":"example.org"}""", 7)]
    [InlineData("""{"hostPort":80,"containerPort":80,"hostIP":"::1"}""", 7)]
    [InlineData("""{"hostPort":80,"containerPort":80,"rate":1}""", 2)]
    [InlineData("""{"hostPort":8080,"containerPort":81,"hostIP":"192.0.2.1"}""", 7)] // 8080 leads to 80 already
    public void What_makes_no_sense_is_refused_and_leaves_nothing(string mapping, int expected)
    {
        var before = _node.Show();
        var (code, message, _) = _node.Kernel.In(() => Add(_pod, "c1", Port(8080, 80), JsonNode.Parse(mapping)!).Fail());
        Assert.Equal(expected, code);
        Assert.NotEmpty(message);
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public async Task Adds_and_deletes_at_once_all_succeed()
    {
        const int count = 20;
        var pods = Enumerable.Range(0, count).Select(_ => new TestPod()).ToList();
        await Task.WhenAll([.. pods.Select((pod, i) => Task.Factory.StartNew(
            () => _node.Kernel.In(() => Add(pod, $"p{i}", Port(8000 + i, 80)).Succeed()), TaskCreationOptions.LongRunning))]);
        Assert.Equal(2 * count, Ports().Split("tcp . ").Length - 1);
        await Task.WhenAll([.. pods.Select((pod, i) => Task.Factory.StartNew(
            () => _node.Kernel.In(() => new Call("DEL") { ContainerId = $"p{i}", Config = _node.Folder.Config(V4, V6) }.Succeed()), TaskCreationOptions.LongRunning))]);
        Assert.DoesNotContain("elements", Ports(), StringComparison.Ordinal);
        pods.ForEach(pod => pod.Dispose());
    }

    private static JsonObject Port(int host, int pod, string protocol = "tcp", string hostIP = "") =>
        new() { ["hostPort"] = host, ["containerPort"] = pod, ["protocol"] = protocol, ["hostIP"] = hostIP };

    private Call Add(TestPod pod, string container, params JsonNode[] ports) => Add(pod, container, "{}", ports);

    private Call Add(TestPod pod, string container, string bandwidth, params JsonNode[] ports)
    {
        var config = _node.Folder.Json("1.1.0", V4, V6);
        config["runtimeConfig"] = new JsonObject { ["portMappings"] = new JsonArray(ports), ["bandwidth"] = JsonNode.Parse(bandwidth) };
        return new Call("ADD") { Netns = pod.Path, ContainerId = container, Config = config.ToJsonString() };
    }

    private void Collect(params string[] valid)
    {
        var config = _node.Folder.Json("1.1.0", V4, V6);
        config["cni.dev/valid-attachments"] = new JsonArray([.. valid.Select(one => (JsonNode)new JsonObject { ["containerID"] = one, ["ifname"] = "eth0" })]);
        _node.Succeed(new Call("GC") { ContainerId = null, InterfaceName = null, Config = config.ToJsonString() });
    }

    /// <summary>What the maps and sets hold, and nothing of what they count.</summary>
    private string Ports() => System.Text.RegularExpressions.Regex.Replace(
        string.Join('\n', _node.Kernel.Run("nft", "list", "table", "inet", "podnet-host-ports").Split('\n').TakeWhile(line => !line.Contains("chain guard", StringComparison.Ordinal))),
        "packets [0-9]+ bytes [0-9]+",
        "");

    private static string Link(string container) => Attachment.HostInterfaceOf(container, "eth0");

    private NetworkNamespace NamespaceOf(string name) => name switch
    {
        "pod" => _pod.Namespace,
        "other" => _other.Namespace,
        "outside" => _outside.Namespace,
        _ => _node.Kernel.Namespace,
    };

    private static Socket Server(TestPod pod, string protocol, AddressFamily family, int port) => pod.Namespace.Run(() =>
    {
        var made = Bound(protocol, new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
        if (protocol == "tcp")
            made.Listen();
        return made;
    });

    private static Socket Bound(string protocol, IPEndPoint address)
    {
        var made = protocol == "tcp"
            ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        made.Bind(address);
        return made;
    }

    /// <summary>Sends, is answered, and says who the server saw.</summary>
    private static IPAddress Client(NetworkNamespace @namespace, string protocol, IPEndPoint target, Socket server)
    {
        var any = target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        using var client = @namespace.Run(() => Bound(protocol, new IPEndPoint(any, 0)));
        if (protocol == "tcp")
        {
            @namespace.Run(() =>
            {
                client.ConnectAsync(target).WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();
            });
            using var accepted = server.Accept();
            accepted.Send([42]);
            Assert.Equal(1, client.Receive(new byte[1]));
            return ((IPEndPoint)accepted.RemoteEndPoint!).Address;
        }

        EndPoint seen = new IPEndPoint(any, 0);
        // Again and again: the kernel may need a moment to take note that a new link carries.
        Poll.Until(() =>
        {
            client.SendTo([1], target);
            return server.Poll(1000, SelectMode.SelectRead);
        }, () => $"nothing for {target} comes");
        server.ReceiveFrom(new byte[1], ref seen);
        server.SendTo([2], seen);
        Poll.Until(() => client.Poll(0, SelectMode.SelectRead), () => "no answer comes");
        EndPoint answer = new IPEndPoint(any, 0);
        client.ReceiveFrom(new byte[1], ref answer);
        Assert.Equal(target, answer);
        return ((IPEndPoint)seen).Address;
    }

    private static string Tool(string program, params string[] arguments) => Podnet.Testing.Tool.Run(program, arguments);
}
