using CsCheck;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

public sealed class ServiceTableDriverTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly Ruleset _ruleset;
    private readonly Dictionary<IPFamily, ServiceTableDriver> _drivers;

    public ServiceTableDriverTests()
    {
        _ruleset = _kernel.In(() => new Ruleset());
        _drivers = ((IPFamily[])[IPFamily.V4, IPFamily.V6]).ToDictionary(family => family, family => new ServiceTableDriver(family, _ruleset));
    }

    public static TheoryData<string, IPFamily> Fixtures { get; } =
        [.. RuleFixture.Names.SelectMany(name => new (string, IPFamily)[] { (name, IPFamily.V4), (name, IPFamily.V6) })];

    public void Dispose()
    {
        _ruleset.Dispose();
        _kernel.Dispose();
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void The_kernel_has_what_nft_makes_of_the_printed_plan(string fixture, IPFamily family)
    {
        var table = RuleFixture.Read(fixture).State.Table(family);

        var plan = _drivers[family].Apply(table);

        using var other = new Kernel();
        Load(other, WithoutSessionRules(plan.ToString()));
        Assert.Equal(List(other), WithoutSessionRules(List(_kernel)));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void The_second_time_nothing_is_sent(string fixture, IPFamily family)
    {
        var table = RuleFixture.Read(fixture).State.Table(family);
        _drivers[family].Apply(table);

        Assert.Equal("", _drivers[family].Apply(table).ToString());
    }

    [Fact]
    public void Session_rules_are_readable()
    {
        _drivers[IPFamily.V4].Apply(RuleFixture.Read("08-session-affinity").State.Table(IPFamily.V4));

        var list = List(_kernel);

        Assert.Contains(
            "update @sessions { ip saddr . ct original ip daddr . meta l4proto . ct original proto-dst timeout 10m : ip daddr . th dport }",
            list, StringComparison.Ordinal);
        Assert.Contains("ct original ip daddr . meta l4proto . ct original proto-dst vmap @session-services", list, StringComparison.Ordinal);
    }

    /// <summary>A change is made as a change, not by comparing; the kernel must have what it would have if it had been so from the start.</summary>
    [Theory]
    [InlineData(IPFamily.V4)]
    [InlineData(IPFamily.V6)]
    public void However_a_table_came_to_be_it_is_the_same(IPFamily family)
    {
        var states = Generations().ToList();
        var table = states[0].Table(family);
        _drivers[family].Apply(table);
        foreach (var (before, now) in states.Zip(states.Skip(1)))
        {
            var change = new TableChange();
            foreach (var service in before.Services.Keys.Union(now.Services.Keys))
                table.Put(now, service, change);

            _drivers[family].Apply(table, change);

            Assert.Equal("", _drivers[family].Preview(now.Table(family)).ToString());
        }
    }

    [Fact]
    public void What_somebody_else_changes_is_put_right_and_nothing_else_is_sent()
    {
        var table = RuleFixture.Read("07-loadbalancer-source-ranges").State.Table(IPFamily.V4);
        _drivers[IPFamily.V4].Apply(table);
        var before = List(_kernel);

        foreach (var (damage, repair) in Damages)
        {
            _kernel.Run("nft", damage);

            var plan = _drivers[IPFamily.V4].Repair(table);

            Assert.Equal(repair, plan.Summary);
            Assert.Equal(Sorted(before), Sorted(List(_kernel)));
            Assert.True(_drivers[IPFamily.V4].Repair(table).IsEmpty);
        }
    }

    [Theory]
    [InlineData("flush ruleset")]
    [InlineData("delete table ip podnet")]
    [InlineData("flush table ip podnet")]
    [InlineData("flush map ip podnet endpoints")]
    public void Whatever_is_flushed_comes_back(string damage)
    {
        var table = RuleFixture.Read("16-large").State.Table(IPFamily.V4);
        _drivers[IPFamily.V4].Apply(table);
        var before = List(_kernel);
        _kernel.Run("nft", damage);

        Assert.False(_drivers[IPFamily.V4].Repair(table).IsEmpty);

        Assert.Equal(Sorted(before), Sorted(List(_kernel)));
    }

    [Fact]
    public void What_others_do_to_their_own_tables_is_no_reason_to_look()
    {
        var table = RuleFixture.Read("01-clusterip").State.Table(IPFamily.V4);
        _drivers[IPFamily.V4].Apply(table);

        _kernel.Run("nft", "add table ip other; add chain ip other services-prerouting; add rule ip other services-prerouting counter");

        Assert.True(_drivers[IPFamily.V4].Repair(table).IsEmpty);
    }

    [Fact]
    public void Cleanup_leaves_the_egress_part_and_nothing_of_its_own()
    {
        _kernel.Run("nft", "add table ip podnet; add chain ip podnet egress");
        var before = List(_kernel);
        _drivers[IPFamily.V4].Apply(RuleFixture.Read("08-session-affinity").State.Table(IPFamily.V4));

        _drivers[IPFamily.V4].Cleanup();

        Assert.Equal(before, List(_kernel));
        Assert.True(_drivers[IPFamily.V4].Cleanup().IsEmpty);
    }

    private static IEnumerable<(string Damage, string Repair)> Damages =>
    [
        ("delete element ip podnet services { 198.51.100.8 . tcp . 443 }", "1 elements added"),
        ("add element ip podnet services { 10.0.0.99 . tcp . 80 : drop }", "1 elements deleted"),
        ("delete element ip podnet endpoints { 10.0.0.26 . tcp . 443 . 0 };add element ip podnet endpoints { 10.0.0.26 . tcp . 443 . 0 : 10.9.9.9 . 1 }",
            "1 elements added, 1 elements deleted"),
        ("flush chain ip podnet balance-2", "1 chains rewritten"),
        ("insert rule ip podnet masquerading drop", "1 chains rewritten"),
        ("add chain ip podnet intruder", "1 chains deleted"),
        ("add set ip podnet intruder { type ipv4_addr; }", "1 sets deleted"),
        ("delete element ip podnet allowed-sources { 198.51.100.8 . tcp . 443 . 203.0.113.0/24 }", "1 elements added"),
        ("add element ip podnet node-port-ips { 10.1.1.1 };delete element ip podnet cluster-ips { 10.0.0.26 }", "1 elements added, 1 elements deleted"),
    ];

    /// <summary>All fixtures' objects one after the other: more and more of them, less and less, and all at once.</summary>
    private static IEnumerable<ClusterState> Generations()
    {
        var all = RuleFixture.Names.Select(name => RuleFixture.Read(name).State).ToList();
        var nodes = all[0] with { Services = ClusterState.Empty.Services, EndpointSlices = EndpointSliceIndex.Empty };
        var sum = nodes;
        yield return nodes;
        foreach (var state in all)
        {
            sum = sum with { Services = sum.Services.SetItems(state.Services), EndpointSlices = sum.EndpointSlices.SetItems(state.EndpointSlices) };
            yield return sum;
        }
        yield return sum with { EndpointSlices = EndpointSliceIndex.Empty };
        foreach (var state in all)
            yield return sum with { Services = sum.Services.RemoveRange(state.Services.Keys) };
        yield return nodes;
        yield return sum;
    }

    /// <summary>Chains, sets and elements that were made anew stand in another order.</summary>
    private static IEnumerable<string> Sorted(string list) => list.Replace("elements = {", "", StringComparison.Ordinal)
        .Split(['\n', ','], StringSplitOptions.TrimEntries).Select(line => line.TrimEnd('}', ' ')).Order(StringComparer.Ordinal);

    private static string List(Kernel kernel) => kernel.Run("nft", "-s", "list", "ruleset");

    /// <summary>nft shows them, but cannot read them.</summary>
    private static string WithoutSessionRules(string text) =>
        string.Join('\n', text.Split('\n').Where(line => !line.Contains("ct original", StringComparison.Ordinal)));

    private static void Load(Kernel kernel, string text)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);
        kernel.Run("nft", "-f", file);
        File.Delete(file);
    }
}
