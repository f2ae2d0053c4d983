using System.Net;
using Podnet.Agent.Metrics;
using Podnet.Core.Model;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

public sealed class ProxyModeTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public void A_switch_of_mode_leaves_nothing_of_the_other_mode()
    {
        var state = RuleFixture.Read("15-dual-stack").State;

        Run(ProxyMode.Nftables, state);
        var nftables = Rules();
        Assert.DoesNotContain("KUBE-", nftables, StringComparison.Ordinal);
        Assert.Contains("map services", nftables, StringComparison.Ordinal);

        Run(ProxyMode.Iptables, state);
        var iptables = Rules();
        Assert.Contains("KUBE-SVC-", iptables, StringComparison.Ordinal);
        Assert.DoesNotContain("map services", iptables, StringComparison.Ordinal);

        Run(ProxyMode.Nftables, state);
        Assert.Equal(nftables, Rules());
    }

    [Fact]
    public void In_a_cluster_without_IPv6_the_other_modes_IPv6_rules_go_too()
    {
        var state = RuleFixture.Read("01-clusterip").State;
        state = state with { Nodes = state.Nodes.SetItem("node-1", state.Nodes["node-1"] with { InternalIPs = [IPAddress.Parse("10.99.0.2")] }) };
        // As kube-proxy does: its own chains, in each family that the node has.
        _kernel.In(() => new IptablesDriver(IPFamily.V6).Apply(RuleFixture.Render(state, IPFamily.V6)));
        Assert.Contains("KUBE-SERVICES", _kernel.Run("ip6tables-save"), StringComparison.Ordinal);

        Run(ProxyMode.Nftables, state);

        Assert.DoesNotContain("KUBE-", _kernel.Run("ip6tables-save"), StringComparison.Ordinal);
        Assert.DoesNotContain("table ip6 podnet", Rules(), StringComparison.Ordinal);
    }

    [Fact]
    public void In_iptables_mode_all_rules_are_read_back_once_an_hour_even_where_nobody_has_told_of_a_change()
    {
        var state = RuleFixture.Read("01-clusterip").State;
        var time = new Clock();
        using var ruleset = _kernel.In(() => new Ruleset());
        var part = new IptablesServicesPart(
            IPFamily.V4, new AgentOptions("node-1", "/dev/null"), new Lazy<Ruleset>(ruleset), new AgentMetrics(ProxyMode.Iptables, time), time);
        _kernel.In(() => part.Apply(state, ClusterChanges.Everything, readBack: true));
        _kernel.Run("iptables", "-t", "nat", "-F", "KUBE-POSTROUTING");

        time.Now = TimeSpan.FromMinutes(59);
        Assert.Null(_kernel.In(() => part.Apply(state, ClusterChanges.None, readBack: true)));
        time.Now = TimeSpan.FromMinutes(61);
        Assert.Equal("1 chains written, 0 deleted", _kernel.In(() => part.Apply(state, ClusterChanges.None, readBack: true)));
    }

    [Fact]
    public void Another_agent_takes_over_what_one_left_and_changes_nothing()
    {
        var state = RuleFixture.Read("16-large").State;
        Run(ProxyMode.Nftables, state);

        Assert.All(Run(ProxyMode.Nftables, state), Assert.Null);
    }

    /// <summary>What an agent does that starts, syncs once, and ends: a line for each part that did something.</summary>
    private List<string?> Run(ProxyMode mode, ClusterState state) => _kernel.In(() =>
    {
        using var dataplane = new NodeDataplane(new AgentOptions("node-1", "/dev/null") { ProxyMode = mode });
        return dataplane.Parts.Select(part => part.Apply(state, ClusterChanges.Everything, readBack: true)).ToList();
    });

    /// <summary>Without what iptables leaves of tables of its own that are empty.</summary>
    private string Rules()
    {
        var tables = _kernel.Run("nft", "-s", "list", "ruleset").Split("\n}\n", StringSplitOptions.RemoveEmptyEntries);
        return string.Join("\n}\n", tables.Where(table => table.Contains("podnet", StringComparison.Ordinal) || table.Contains("KUBE-", StringComparison.Ordinal)));
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
