using System.Text.Json.Nodes;

namespace Podnet.Cni.Tests;

/// <summary>A configuration without subnets: they come from the file that the node's agent writes.</summary>
public sealed class PodNetworkTests : IDisposable
{
    private readonly TestNode _node = new();
    private readonly TestPod _pod = new();

    private string File => $"{_node.Folder.Path}/pod-network.json";

    public void Dispose()
    {
        _pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Status_is_50_until_the_node_has_its_pod_cidrs_and_add_says_try_again()
    {
        var status = new Call("STATUS") { ContainerId = null, InterfaceName = null, Config = Config() };
        var add = new Call("ADD") { Netns = _pod.Path, Config = Config() };
        var (code, message, details) = _node.Kernel.In(() => status.Fail());
        Assert.Equal((50, "the node has no pod CIDRs yet"), (code, message));
        Assert.Contains(File, details);
        Assert.Equal(11, _node.Kernel.In(() => add.Fail()).Code);

        System.IO.File.WriteAllText(File, """{"podCIDRs":[]}""");
        Assert.Equal(50, _node.Kernel.In(() => status.Fail()).Code);

        System.IO.File.WriteAllText(File, """{"podCIDRs":["10.240.0.32/27","fd00:1::/64"],"mtu":1430}""");
        Assert.Equal((0, ""), _node.Kernel.In(() => status.Run()));
        var result = _node.Succeed(add);
        Assert.Equal(["10.240.0.33/32", "fd00:1::1/128"], result["ips"]!.AsArray().Select(ip => (string)ip!["address"]!));
        Assert.Equal(1430, (int)_pod.Json("link", "show", "dev", "eth0")[0]!["mtu"]!);
    }

    [Fact]
    public void Delete_needs_no_pod_cidrs()
    {
        System.IO.File.WriteAllText(File, """{"podCIDRs":["10.240.0.32/27"]}""");
        var before = _node.Show();
        _node.Succeed(new Call("ADD") { Netns = _pod.Path, Config = Config() });
        System.IO.File.Delete(File);
        _node.Succeed(new Call("DEL") { Netns = _pod.Path, Config = Config() });
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void A_node_that_is_renumbered_gives_new_pods_new_addresses_and_takes_the_old_ones_back()
    {
        var before = _node.Show();
        using var second = new TestPod();
        using var third = new TestPod();
        Call Add(TestPod pod, string container) => new("ADD") { Netns = pod.Path, ContainerId = container, Config = Config() };
        System.IO.File.WriteAllText(File, """{"podCIDRs":["10.240.0.32/27"]}""");
        _node.Succeed(Add(_pod, "c1"));
        _node.Succeed(Add(second, "c2"));
        System.IO.File.WriteAllText(File, """{"podCIDRs":["10.240.0.64/27"]}""");
        Assert.Equal("10.240.0.65/32", (string)_node.Succeed(Add(third, "c3"))["ips"]![0]!["address"]!);
        Assert.Equal(["10.240.0.33", "10.240.0.34", "10.240.0.65"], _node.Folder.Addresses);

        _node.Succeed(Add(_pod, "c1") with { Command = "DEL" });
        Assert.Equal(["10.240.0.34", "10.240.0.65"], _node.Folder.Addresses);
        var listed = JsonNode.Parse(Config())!;
        listed["cni.dev/valid-attachments"] = JsonNode.Parse("""[{"containerID":"c3","ifname":"eth0"}]""");
        _node.Succeed(new Call("GC") { Config = listed.ToJsonString() });
        Assert.Equal(["10.240.0.65"], _node.Folder.Addresses);
        Assert.Single(_node.Json("link", "show", "type", "veth").AsArray());
        _node.Succeed(Add(third, "c3") with { Command = "DEL" });
        Assert.Equal(before, _node.Show());
    }

    [Fact]
    public void Subnets_of_the_configuration_win()
    {
        System.IO.File.WriteAllText(File, """{"podCIDRs":["10.240.0.32/27"],"mtu":1430}""");
        var config = JsonNode.Parse(Config())!;
        config["ipam"]!["subnet"] = "10.9.0.0/24";
        Assert.Equal("10.9.0.1/32", (string)_node.Succeed(new Call("ADD") { Netns = _pod.Path, Config = config.ToJsonString() })["ips"]![0]!["address"]!);
        Assert.Equal(1500, (int)_pod.Json("link", "show", "dev", "eth0")[0]!["mtu"]!);
    }

    [Fact]
    public void Status_is_50_when_a_family_has_no_address_left()
    {
        var config = _node.Folder.Config("10.0.0.0/30", "fd00::/64");
        var status = new Call("STATUS") { Config = config };
        Assert.Equal((0, ""), _node.Kernel.In(() => status.Run()));
        using var other = new TestPod();
        _node.Succeed(new Call("ADD") { Netns = _pod.Path, Config = config });
        _node.Succeed(new Call("ADD") { Netns = other.Path, Config = config, ContainerId = "c2" });
        var (code, message, _) = _node.Kernel.In(() => status.Fail());
        Assert.Equal((50, "no address is left in 10.0.0.0/30"), (code, message));
    }

    [Theory]
    [InlineData("net.ipv4.ip_forward")]
    [InlineData("net.ipv6.conf.all.forwarding")]
    public void Status_is_51_when_the_node_does_not_forward(string setting)
    {
        _node.Kernel.In(() => Linux.Sysctl.Ensure(setting, "0"));
        var (code, message, _) = _node.Kernel.In(() => new Call("STATUS") { Config = _node.Folder.Config("10.0.0.0/30", "fd00::/64") }.Fail());
        Assert.Equal(51, code);
        Assert.Contains(setting, message);
    }

    [Theory]
    [InlineData("STATUS")]
    [InlineData("GC")]
    public void Older_versions_have_neither_status_nor_gc(string command)
    {
        var (code, _, details) = new Call(command) { Config = _node.Folder.Json("1.0.0", "10.0.0.0/24").ToJsonString() }.Fail();
        Assert.Equal(1, code);
        Assert.Contains(command, details);
    }

    private string Config() => new JsonObject
    {
        ["cniVersion"] = "1.1.0",
        ["name"] = "podnet",
        ["type"] = "podnet-cni",
        ["podNetwork"] = File,
        ["ipam"] = new JsonObject { ["dataDir"] = _node.Folder.Path },
    }.ToJsonString();
}
