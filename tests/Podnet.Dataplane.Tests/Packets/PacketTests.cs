using Podnet.Core.Model;
using Podnet.Core.Trace;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Packets;

/// <summary>Every row of packets/rows.txt, by real packets through real kernels. Podnet.Core.Tests has the same rows traced.</summary>
public abstract class PacketTests(PacketNetwork network)
{
    // Linux has SCTP sockets only where a module for them is loaded.
    private static readonly ILookup<string, PacketRow> Rows =
        PacketTable.Rows.Where(r => r.Protocol != Protocol.Sctp).ToLookup(r => r.Scenario.Heading);

    public static TheoryData<string> Headings() => [.. Rows.Select(r => r.Key)];

    protected abstract void Program(PacketScenario scenario, IPFamily family);

    protected abstract IReadOnlyList<string> Expected(PacketRow row);

    protected abstract PacketTrace Trace(PacketRow row);

    protected async Task Check(string heading)
    {
        var scenario = Rows[heading].First().Scenario;
        network.Node.In(() =>
        {
            foreach (var family in Enum.GetValues<IPFamily>())
                Program(scenario, family);
        });
        // A row that fails is shown with the rules that its packet should have met.
        var faults = await Task.WhenAll(Rows[heading].Select(async row =>
            await new PacketProbe(network, row, Expected(row)).CheckAsync() is { } fault ? $"{row}: {fault}\n{Trace(row)}" : null));
        Assert.True(faults.All(f => f is null), string.Join('\n', faults.OfType<string>()));
    }
}

public sealed class IptablesPacketTests(PacketNetwork network) : PacketTests(network), IClassFixture<PacketNetwork>
{
    [Theory]
    [MemberData(nameof(Headings))]
    public Task In_iptables_mode_packets_go_where_the_rows_say(string heading) => Check(heading);

    protected override void Program(PacketScenario scenario, IPFamily family) =>
        new IptablesDriver(family).Apply(scenario.RenderIptables(family));

    protected override IReadOnlyList<string> Expected(PacketRow row) => row.Iptables;

    protected override PacketTrace Trace(PacketRow row) =>
        IptablesTracer.Trace(row.Scenario.RenderIptables(row.Packet.Family), row.Scenario.Node, row.Packet);
}

public sealed class NftablesPacketTests(PacketNetwork network) : PacketTests(network), IClassFixture<PacketNetwork>
{
    [Theory]
    [MemberData(nameof(Headings))]
    public Task In_nftables_mode_packets_go_where_the_rows_say(string heading) => Check(heading);

    protected override void Program(PacketScenario scenario, IPFamily family)
    {
        using var ruleset = new Ruleset();
        new ServiceTableDriver(family, ruleset).Apply(scenario.RenderNftables(family));
    }

    protected override IReadOnlyList<string> Expected(PacketRow row) => row.Nftables;

    protected override PacketTrace Trace(PacketRow row) =>
        NftablesTracer.Trace(new TracedTable(row.Scenario.RenderNftables(row.Packet.Family)), row.Scenario.Node, row.Packet);
}

/// <summary>What the rows say of nftables mode is not ours alone: the table that kube-proxy itself made of the same objects does it.</summary>
public sealed class KubeProxyPacketTests(PacketNetwork network) : PacketTests(network), IClassFixture<PacketNetwork>
{
    public static TheoryData<string> Fixtures() => [.. PacketTable.Rows.Select(r => r.Scenario.Heading).Distinct().Where(RuleFixture.Names.Contains)];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public Task By_the_tables_of_kube_proxy_packets_go_where_the_rows_say(string heading) => Check(heading);

    protected override void Program(PacketScenario scenario, IPFamily family)
    {
        // The file has both families.
        if (family != IPFamily.V4)
            return;
        Tool.Run("nft", "flush", "ruleset");
        Tool.Run("nft", "-f", Path.Combine(RuleFixture.FindFolder("fixtures/rules"), scenario.Heading, "kube-proxy.nft"));
        // The machine that kube-proxy ran on had taken no IPv4 address for the primary one.
        Tool.Run("nft", "add", "element", "ip", "kube-proxy", "nodeport-ips", "{ 10.99.0.2 }");
    }

    protected override IReadOnlyList<string> Expected(PacketRow row) => row.Nftables;

    protected override PacketTrace Trace(PacketRow row) =>
        NftablesTracer.Trace(new TracedTable(row.Scenario.RenderNftables(row.Packet.Family)), row.Scenario.Node, row.Packet);
}
