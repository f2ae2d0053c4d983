using Podnet.Linux;
using Podnet.Local;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

public sealed class UpDownTests
{
    [Fact]
    public void Down_leaves_the_machine_as_it_was()
    {
        const string name = "e2e-traces";
        var before = MachineState.Capture(name);
        using (new LocalCluster(name, "-f", Repository.Example("nginx.yaml"), "--config", Repository.Example("cluster.yaml")))
            Assert.NotEqual(before, MachineState.Capture(name));
        Assert.Equal(before, MachineState.Capture(name));
    }

    [Theory]
    [InlineData(50)]
    [InlineData(300)]
    [InlineData(700)]
    [InlineData(1200)]
    public async Task Down_cleans_up_after_an_up_that_was_killed_half_way(int milliseconds)
    {
        var name = $"e2e-killed-{milliseconds}";
        var before = MachineState.Capture(name);
        var up = ChildProcess.Start(new ProcessStart(
            Repository.Podnet, ["up", "--name", name, "--config", Repository.Example("cluster.yaml"), "-f", Repository.Example("nginx.yaml")]));
        await Task.WhenAny(up.Exited, Task.Delay(milliseconds));
        up.Kill(Signals.Kill);
        await up.Exited;
        // Killed before it had claimed the name, it has left nothing.
        if (File.Exists(new ClusterPaths(name).Record))
            LocalCluster.Run("down", "--name", name);
        Assert.Equal(before, MachineState.Capture(name));
    }

    [Fact]
    public void Down_takes_away_a_name_that_no_namespace_was_bound_to_yet()
    {
        const string name = "e2e-unbound";
        var before = MachineState.Capture(name);
        using (new LocalCluster(name))
            Tool.Run("umount", NetworkNamespace.PathOf(new ClusterPaths(name).OutsideNamespace)); // what is left is what there is before
        Assert.Equal(before, MachineState.Capture(name));
    }

    [Fact]
    public void A_second_up_of_the_same_name_says_so_and_changes_nothing()
    {
        using var cluster = new LocalCluster("e2e-twice");
        var before = MachineState.Capture("e2e-twice");
        var second = LocalCluster.Try("up", "--name", "e2e-twice");
        Assert.Equal(1, second.Status.Code);
        Assert.Contains("cluster \"e2e-twice\" is there already", second.StandardError, StringComparison.Ordinal);
        Assert.Equal(before, MachineState.Capture("e2e-twice"));
    }

    [Fact]
    public void The_fabric_shows_no_packet_to_the_ip_hooks_where_the_machine_has_br_netfilter()
    {
        using var cluster = new LocalCluster("e2e-hooks");
        using var fabric = NetworkNamespace.OpenNamed(new ClusterPaths("e2e-hooks").FabricNamespace);
        fabric.Run(() => Assert.All(
            new[] { "iptables", "ip6tables", "arptables" }.Select(hook => $"net.bridge.bridge-nf-call-{hook}").Where(Sysctl.Exists),
            setting => Assert.Equal("0", Sysctl.Read(setting))));
    }

    [Fact]
    public void The_fabrics_address_stays_whoever_joins()
    {
        using var cluster = new LocalCluster("e2e-bridge");
        using var fabric = NetworkNamespace.OpenNamed(new ClusterPaths("e2e-bridge").FabricNamespace);
        var before = Address();
        // A bridge that was given no address takes the least that is there.
        Ip("link", "add", "least", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "other");
        Ip("link", "set", "least", "master", "pn-fabric");
        Assert.Equal(before, Address());

        string Address() => Ip("-br", "link", "show", "pn-fabric");

        string Ip(params string[] arguments) => fabric.Run(() => Tool.Run("ip", arguments));
    }

    [Fact]
    public void Without_files_there_are_two_nodes_with_a_24_each()
    {
        using var cluster = new LocalCluster("e2e-default");
        var nodes = cluster.Kubectl("get", "nodes", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.podCIDR}{\"\\n\"}{end}");
        Assert.Equal("node-1 10.244.0.0/24\nnode-2 10.244.1.0/24\n", nodes);
    }
}
