using System.Net;
using Podnet.Core.Rules;
using Podnet.Core.Trace;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Trace;

/// <summary>Every row of packets/rows.txt, by the tracers. The same rows go through real kernels in Podnet.Dataplane.Tests.</summary>
public sealed class PacketRowTests
{
    private static readonly Dictionary<string, PacketRow> Rows = PacketTable.Rows.ToDictionary(r => $"{r}");

    public static TheoryData<string> All() => [.. Rows.Keys];

    public static TheoryData<string> OfKubeProxy() =>
        [.. Rows.Values.Where(r => RuleFixture.Names.Contains(r.Scenario.Heading)).Select(r => $"{r}")];

    public static TheoryData<string> Sticking() => [.. Rows.Values.Where(r => r.Sticks).Select(r => $"{r}")];

    [Theory]
    [MemberData(nameof(All))]
    public void The_iptables_rules_do_it(string name)
    {
        var row = Rows[name];
        foreach (var packet in row.Packets)
            Check(row.Iptables, TraceIptables(row, packet));
    }

    [Theory]
    [MemberData(nameof(OfKubeProxy))]
    public void The_rules_that_kube_proxy_wrote_do_it(string name)
    {
        var row = Rows[name];
        var rules = IptablesParser.Parse(RuleFixture.Read(row.Scenario.Heading).Expected(row.Packet.Family)!, row.Packet.Family);
        foreach (var packet in row.Packets)
            Check(row.Iptables, IptablesTracer.Trace(rules, row.Scenario.Node, packet));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_nftables_objects_do_it(string name)
    {
        var row = Rows[name];
        foreach (var packet in row.Packets)
            Check(row.Nftables, TraceNftables(row, packet));
    }

    [Theory]
    [MemberData(nameof(Sticking))]
    public void Both_modes_lead_a_client_back_to_its_endpoint(string name)
    {
        var row = Rows[name];
        foreach (var outcome in row.Iptables)
        {
            var endpoint = IPEndPoint.Parse(outcome.Split(' ')[0]);
            foreach (var packet in row.Packets.Select(one => one with { Session = new PacketTarget(endpoint.Address, (ushort)endpoint.Port) }))
            {
                Check([outcome], TraceIptables(row, packet));
                Check([outcome], TraceNftables(row, packet));
            }
        }
    }

    private static PacketTrace TraceIptables(PacketRow row, Packet packet) =>
        IptablesTracer.Trace(row.Scenario.RenderIptables(packet.Family), row.Scenario.Node, packet);

    private static PacketTrace TraceNftables(PacketRow row, Packet packet) =>
        NftablesTracer.Trace(new TracedTable(row.Scenario.RenderNftables(packet.Family)), row.Scenario.Node, packet);

    /// <summary>The outcomes, all equally likely; what fails shows the rules that the packet went through.</summary>
    private static void Check(IReadOnlyList<string> expected, PacketTrace trace)
    {
        var got = trace.Outcomes.Select(o => $"{o}").ToList();
        Assert.True(expected.SequenceEqual(got), $"expected {string.Join(", ", expected)}\ngot {string.Join(", ", got)}\n{trace}");
        Assert.All(trace.Outcomes, outcome =>
        {
            Assert.Equal(1.0 / expected.Count, outcome.Probability, tolerance: 1e-8);
            Assert.Empty(outcome.NotUnderstood);
        });
    }
}
