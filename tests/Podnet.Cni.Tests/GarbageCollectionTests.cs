using System.Text.Json.Nodes;
using Podnet.Testing;

namespace Podnet.Cni.Tests;

public sealed class GarbageCollectionTests : IDisposable
{
    private readonly TestNode _node = new();
    private readonly TestPod[] _pods = [new(), new(), new()];

    public void Dispose()
    {
        foreach (var pod in _pods)
            pod.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void What_is_not_listed_goes_and_what_is_listed_stays()
    {
        var before = _node.Show();
        for (var i = 0; i < _pods.Length; i++)
            _node.Succeed(Add(i));
        Collect(("c0", "eth0"), ("c2", "eth0"));
        Assert.Equal(["10.0.0.1", "10.0.0.3", "fd00::1", "fd00::3"], _node.Folder.Addresses);
        Assert.Equal(2, _node.Json("link", "show", "type", "veth").AsArray().Count);
        Collect(("c0", "eth1"), ("c2", "eth0")); // another interface of c0
        Assert.Equal(["10.0.0.3", "fd00::3"], _node.Folder.Addresses);
        Collect();
        Assert.Equal(before, _node.Show());
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void A_link_whose_reservation_is_lost_goes_too_but_no_other_networks()
    {
        _node.Succeed(Add(0));
        var other = _node.Folder.Json("1.1.0", "10.7.0.0/24");
        other["name"] = "other";
        _node.Succeed(Add(1) with { Config = other.ToJsonString() });
        _node.Kernel.Run("ip", "link", "add", "pnfriend", "type", "veth", "peer", "name", "pnpeer");
        foreach (var name in _node.Folder.Addresses)
            File.Delete($"{_node.Folder.Path}/podnet/{name}");
        Collect();
        Assert.Empty(_node.Kernel.Run("ip", "route", "show", "10.0.0.1"));
        Assert.Contains("10.7.0.1", _node.Kernel.Run("ip", "route", "show", "10.7.0.1"));
        Assert.Equal(3, _node.Json("link", "show", "type", "veth").AsArray().Count);
        Assert.True(File.Exists($"{_node.Folder.Path}/other/10.7.0.1"));
    }

    [Fact]
    public void What_host_local_left_is_kept_where_its_container_is_listed()
    {
        Directory.CreateDirectory($"{_node.Folder.Path}/podnet");
        File.WriteAllText($"{_node.Folder.Path}/podnet/10.0.0.7", "old1");
        File.WriteAllText($"{_node.Folder.Path}/podnet/10.0.0.8", "old2");
        File.WriteAllText($"{_node.Folder.Path}/podnet/10.0.0.9", "old3\r\neth0");
        Collect(("old1", "eth0"));
        Assert.Equal(["10.0.0.7"], _node.Folder.Addresses);
    }

    [Fact]
    public void Without_the_list_nothing_goes_and_null_is_an_empty_list()
    {
        _node.Succeed(Add(0));
        var config = _node.Folder.Json("1.1.0", "10.0.0.0/24", "fd00::/64");
        var (code, message, _) = _node.Kernel.In(() => new Call("GC") { Config = config.ToJsonString() }.Fail());
        Assert.Equal(7, code);
        Assert.Contains("cni.dev/valid-attachments", message);
        Assert.Equal(2, _node.Folder.Addresses.Length);
        config["cni.dev/valid-attachments"] = null;
        _node.Succeed(new Call("GC") { Config = config.ToJsonString() });
        Assert.Empty(_node.Folder.Addresses);
    }

    [Fact]
    public void It_goes_on_after_an_address_that_cannot_be_removed_and_reports_it()
    {
        for (var i = 0; i < _pods.Length; i++)
            _node.Succeed(Add(i));
        var stuck = $"{_node.Folder.Path}/podnet/10.0.0.1";
        Tool.Run("mount", "--bind", stuck, stuck); // which unlink(2) refuses as busy
        try
        {
            var config = _node.Folder.Json("1.1.0", "10.0.0.0/24", "fd00::/64");
            config["cni.dev/valid-attachments"] = new JsonArray();
            var (code, _, details) = _node.Kernel.In(() => new Call("GC") { Config = config.ToJsonString() }.Fail());
            Assert.Equal(100, code);
            Assert.Contains("10.0.0.1: Device or resource busy", details);
            Assert.Equal(["10.0.0.1"], _node.Folder.Addresses);
            Assert.Empty(_node.Json("link", "show", "type", "veth").AsArray());
        }
        finally
        {
            Tool.Run("umount", stuck);
        }

        Collect();
        Assert.Empty(_node.Folder.Addresses);
    }

    private Call Add(int pod) => new("ADD") { Netns = _pods[pod].Path, ContainerId = $"c{pod}", Config = _node.Folder.Config("10.0.0.0/24", "fd00::/64") };

    private void Collect(params (string Container, string Link)[] valid)
    {
        var config = _node.Folder.Json("1.1.0", "10.0.0.0/24", "fd00::/64");
        config["cni.dev/valid-attachments"] = new JsonArray(
            [.. valid.Select(one => (JsonNode)new JsonObject { ["containerID"] = one.Container, ["ifname"] = one.Link })]);
        var call = new Call("GC") { ContainerId = null, InterfaceName = null, Config = config.ToJsonString() };
        Assert.Equal((0, ""), _node.Kernel.In(() => call.Run()));
    }
}
