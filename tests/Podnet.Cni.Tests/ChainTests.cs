using System.Net;
using System.Text.Json.Nodes;
using Podnet.Linux;

namespace Podnet.Cni.Tests;

/// <summary>Chains of podnet-cni and Debian's plugins, as podman and others write them.</summary>
public sealed class ChainTests : IDisposable
{
    private const int HostPort = 18080;

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
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Plugins_after_ours_work_on_what_it_made(string version)
    {
        var before = _node.Show();
        var network = new NetworkList(
            _node,
            version,
            [
                Ours("ips"),
                Plugin("""{"type":"portmap","capabilities":{"portMappings":true},"snat":true}"""),
                .. version == "0.3.1" ? [] : new[] { Plugin("""{"type":"firewall","backend":"iptables"}""") }, // speaks newer ones only
                Plugin("""{"type":"tuning","sysctl":{"net.ipv4.conf.eth0.log_martians":"1"},"mtu":1400}"""),
                Plugin("""{"type":"bandwidth","capabilities":{"bandwidth":true}}"""),
            ],
            JsonNode.Parse($$"""
                {"ips":["10.240.0.7"],
                 "portMappings":[{"hostPort":{{HostPort}},"containerPort":8080,"protocol":"tcp"}],
                 "bandwidth":{"ingressRate":800000000,"ingressBurst":80000000,"egressRate":800000000,"egressBurst":80000000}
                }
                """)!.AsObject());
        var result = network.Add("c1", _pod.Path);
        var other = network with { Capabilities = [] };
        var otherResult = other.Add("c2", _other.Path);

        Assert.Equal("10.240.0.7/32", (string)result["ips"]![0]!["address"]!);
        Assert.Equal("1", _pod.Namespace.Run(() => Sysctl.Read("net.ipv4.conf.eth0.log_martians")));
        Assert.Equal(1400, (int)_pod.Json("link", "show", "dev", "eth0")[0]!["mtu"]!);
        // By the address of the pod and by the node's port: from the other pod, and from the pod itself.
        var address = IPAddress.Parse("10.240.0.7");
        Assert.Equal(Address(otherResult), Tcp.SourceSeen(_other.Namespace, _pod.Namespace, address));
        foreach (var client in new[] { _other, _pod })
            Assert.NotNull(Tcp.SourceSeen(client.Namespace, _pod.Namespace, address, new IPEndPoint(TestNode.IPv4, HostPort)));
        if (version != "0.3.1")
        {
            // portmap 1.1.1 looks for the rules of one family in the other's tables.
            var checkable = network with { Plugins = [.. network.Plugins.Where(plugin => (string)plugin["type"]! != "portmap")] };
            checkable.Check("c1", _pod.Path, result);
        }

        network.Delete("c1", _pod.Path, result);
        network.Delete("c1", null, result); // again, without the namespace
        other.Delete("c2", null, otherResult);
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void What_a_plugin_before_ours_made_is_left_alone()
    {
        var before = _node.Show();
        var network = new NetworkList(_node, "1.0.0", [Plugin("""{"type":"loopback"}"""), Ours()], []);
        var result = network.Add("c1", _pod.Path);
        Assert.Equal(
            ["127.0.0.1/8", "::1/128", "10.240.0.1/32", "fd00:1::1/128"],
            result["ips"]!.AsArray().Select(ip => (string)ip!["address"]!));
        network.Check("c1", _pod.Path, result);
        network.Delete("c1", _pod.Path, result);
        Assert.Equal(before, _node.Show());
    }

    private JsonObject Ours(params string[] capabilities)
    {
        var config = _node.Folder.Json("1.0.0", "10.240.0.0/24", "fd00:1::/64");
        config["capabilities"] = new JsonObject(capabilities.Select(name => KeyValuePair.Create(name, (JsonNode?)true)));
        return config;
    }

    private static JsonObject Plugin(string json) => JsonNode.Parse(json)!.AsObject();

    private static IPAddress Address(JsonNode result) => IPAddress.Parse(((string)result["ips"]![0]!["address"]!).Split('/')[0]);
}
