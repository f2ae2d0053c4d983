using System.Net;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Rules;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Nftables;

public sealed class ServiceTableReaderTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public static TheoryData<string, IPFamily> Fixtures { get; } =
        [.. RuleFixture.Names.SelectMany(name => new (string, IPFamily)[] { (name, IPFamily.V4), (name, IPFamily.V6) })];

    public void Dispose() => _kernel.Dispose();

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Every_chain_and_all_that_an_address_needs_reads_back_as_it_was_written(string fixture, IPFamily family)
    {
        var table = RuleFixture.Read(fixture).State.Table(family);
        Apply(table);

        var addresses = table.Services.SelectMany(table.FrontendsOf).Select(frontend => frontend.At).ToList();
        var live = Read(family, addresses)!;

        Assert.Equal(table.Chains.OrderBy(c => c.Name).Select(Text), live.Chains.Values.OrderBy(c => c.Name).Select(Text));
        // All but what no address asks for: the protocols, and whose packets come back to where they came from.
        var asked = table.Elements.Where(e => e.Key.Set is not (ServiceSet.Transports or ServiceSet.Hairpin)).ToList();
        Assert.Equal(asked.Select(NftText.Element).Order(), live.Elements.Values.Select(one => NftText.Element(one.Element)).Order());
        Assert.All(live.Elements.Values, one => Assert.Equal(ServiceSets.Of(one.Element.Key.Set).Counter, one.Packets is not null));
    }

    [Theory]
    [InlineData("interfaces")]
    [InlineData("bridge")]
    [InlineData("address")]
    [InlineData("not at all")]
    public void Rules_read_back_however_pods_are_told_from_others(string how)
    {
        LocalTraffic? pods = how switch
        {
            "interfaces" => new LocalTraffic.FromInterfaces("pn"),
            "bridge" => new LocalTraffic.FromBridge("cbr0"),
            "address" => new LocalTraffic.FromNetworks([IPNetwork.Parse("10.240.0.7/32")]),
            _ => null,
        };
        var state = RuleFixture.Read("06-nodeport-local").State;
        var table = new ServiceTable(IPFamily.V4, RuleFixture.Config with { LocalTraffic = pods, MasqueradeBit = 3 }, []);
        foreach (var name in state.Services.Keys)
            table.Put(state, name, change: null);
        Apply(table);

        Assert.Equal(table.Chains.OrderBy(c => c.Name).Select(Text), Read(IPFamily.V4, [])!.Chains.Values.OrderBy(c => c.Name).Select(Text));
    }

    [Fact]
    public void Rules_that_keep_sessions_of_several_addresses_read_back()
    {
        var table = PacketTable.Rows.First(row => row.Scenario.Heading == "affinity").Scenario.RenderNftables(IPFamily.V4);
        Apply(table);

        var chains = Read(IPFamily.V4, [])!.Chains.Values;

        Assert.All(chains.SelectMany(chain => chain.Rules), rule => Assert.NotNull(rule.Rule));
        Assert.Equal(table.Chains.OrderBy(c => c.Name).Select(Text), chains.OrderBy(c => c.Name).Select(Text));
    }

    [Fact]
    public void Only_the_addresses_that_are_asked_about_are_looked_up()
    {
        Apply(RuleFixture.Read("02-multi-port").State.Table(IPFamily.V4));
        var live = Read(IPFamily.V4, [new FrontendAddress(IPAddress.Parse("10.0.0.20"), Protocol.Tcp, 80)])!;
        Assert.Single(live.Of(ServiceSet.Services));
        Assert.Equal(3, live.Of(ServiceSet.Endpoints).Count());
    }

    [Fact]
    public void A_rule_that_somebody_put_in_between_is_said_to_be_none_of_Podnets()
    {
        Apply(RuleFixture.Read("01-clusterip").State.Table(IPFamily.V4));
        _kernel.Run("nft", "add", "rule", "ip", "podnet", "services-output", "tcp", "dport", "9", "counter", "accept");
        var rule = Read(IPFamily.V4, [])!.Chains["services-output"].Rules[^1];
        Assert.Null(rule.Rule);
        Assert.StartsWith("(not a rule of Podnet's", rule.Text, StringComparison.Ordinal);
        Assert.Equal(0UL, rule.Packets);
    }

    [Fact]
    public void Where_the_table_has_nothing_of_Services_there_is_nothing_to_read()
    {
        Assert.Null(Read(IPFamily.V4, []));
        _kernel.Run("nft", "add", "table", "ip", "podnet");
        Assert.Null(Read(IPFamily.V4, []));
    }

    private static string Text(TableChain chain) => $"{chain.Name}: {string.Join("; ", chain.Rules.Select(rule => NftText.Rule(IPFamily.V4, rule)))}";

    private static string Text(LiveChain chain) =>
        $"{chain.Name}: {string.Join("; ", chain.Rules.Select(rule => rule.Rule is null ? rule.Text : NftText.Rule(IPFamily.V4, rule.Rule)))}";

    private void Apply(ServiceTable table) => _kernel.In(() =>
    {
        using var ruleset = new Ruleset();
        return new ServiceTableDriver(table.Family, ruleset).Apply(table);
    });

    private LiveTable? Read(IPFamily family, IReadOnlyCollection<FrontendAddress> addresses) =>
        _kernel.In(() => new ServiceTableReader(family).Read(addresses));
}
