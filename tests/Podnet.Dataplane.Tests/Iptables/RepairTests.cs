using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Iptables;

public sealed class RepairTests : IDisposable
{
    private static readonly IptablesRuleset Wanted = RuleFixture.Read("05-nodeport").Render(IPFamily.V4);

    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;
    private readonly IptablesDriver _driver;
    private int _asked;

    public RepairTests()
    {
        _ruleset = _kernel.In(() => new Ruleset());
        _driver = new IptablesDriver(IPFamily.V4, _ruleset);
        _kernel.In(() => _driver.Apply(Wanted));
    }

    public void Dispose()
    {
        _ruleset.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void What_the_driver_wrote_itself_is_nothing_to_look_at()
    {
        Assert.True(_kernel.In(() => _driver.SeesChanges));
        Assert.True(Repair().ChangedNothing);
        Assert.Equal(0, _asked);
    }

    [Theory]
    [InlineData("nat", "KUBE-SVC-XDEA7KB6IHSTFSRR")]
    [InlineData("nat", "KUBE-SERVICES")]
    [InlineData("nat", "KUBE-NODEPORTS")]
    [InlineData("nat", "PREROUTING")]
    [InlineData("filter", "FORWARD")]
    [InlineData("filter", "KUBE-FORWARD")]
    public void A_rule_that_somebody_deleted_comes_back_and_only_its_chain_is_written(string table, string chain)
    {
        var before = Saved();
        _kernel.Run("iptables", "-t", table, "-D", chain, "1");
        Assert.NotEqual(before, Saved());

        Assert.Equal([$"{table} {chain}"], Repair().Written.Select(name => name.ToString()));

        Assert.Equal(before, Saved());
        Assert.True(Repair().ChangedNothing);
    }

    [Fact]
    public void A_rule_that_somebody_put_into_a_chain_goes_and_the_others_keep_their_counters()
    {
        var rule = _kernel.Run("iptables", "-t", "nat", "-S", "KUBE-POSTROUTING").Split('\n')[1]["-A KUBE-POSTROUTING ".Length..];
        _kernel.Run("sh", "-c", $"printf '*nat\n-D KUBE-POSTROUTING 1\n[7:420] -I KUBE-POSTROUTING 1 {rule}\nCOMMIT\n' | iptables-restore --noflush --counters");
        _kernel.Run("iptables", "-t", "nat", "-A", "KUBE-POSTROUTING", "-j", "ACCEPT");

        Assert.Equal(["nat KUBE-POSTROUTING"], Repair().Written.Select(name => name.ToString()));

        var saved = _kernel.Run("iptables-save", "-c", "-t", "nat");
        Assert.Contains("[7:420] -A KUBE-POSTROUTING", saved, StringComparison.Ordinal);
        Assert.DoesNotContain("-A KUBE-POSTROUTING -j ACCEPT", saved, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_is_gone_comes_back()
    {
        var before = Saved();
        _kernel.Run("nft", "delete", "table", "ip", "nat");
        Assert.All(Repair().Written, name => Assert.Equal("nat", name.Table));
        Assert.Equal(before, Saved());
    }

    [Fact]
    public void Chains_of_others_are_not_even_looked_at()
    {
        _kernel.Run("iptables", "-t", "nat", "-N", "MINE");
        _kernel.Run("iptables", "-t", "nat", "-A", "MINE", "-j", "ACCEPT");
        Assert.True(Repair().ChangedNothing);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public void A_chain_with_a_name_of_ours_that_nothing_wants_goes()
    {
        var before = Saved();
        _kernel.Run("iptables", "-t", "nat", "-N", "KUBE-SVC-AAAAAAAAAAAAAAAA");
        Assert.Equal(["nat KUBE-SVC-AAAAAAAAAAAAAAAA"], Repair().Deleted.Select(name => name.ToString()));
        Assert.Equal(before, Saved());
    }

    private IptablesSync Repair() => _kernel.In(() => _driver.Repair(() =>
    {
        _asked++;
        return Wanted;
    }));

    private IReadOnlyList<string> Saved() => SavedRules.Normalize(_kernel.Run("iptables-save"));
}
