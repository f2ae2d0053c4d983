using Podnet.Core.Model;
using Podnet.Core.Trace;
using Podnet.Dataplane.Iptables;
using Podnet.Fixtures;

namespace Podnet.Dataplane.Tests.Packets;

/// <summary>Every row of packets/rows.txt, by real packets through real kernels. Podnet.Core.Tests has the same rows traced.</summary>
public sealed class PacketTests(PacketNetwork network) : IClassFixture<PacketNetwork>
{
    // The kernel of a test machine may have no SCTP sockets.
    private static readonly ILookup<string, PacketRow> Rows =
        PacketTable.Rows.Where(r => r.Protocol != Protocol.Sctp).ToLookup(r => r.Scenario.Heading);

    public static TheoryData<string> Headings() => [.. Rows.Select(r => r.Key)];

    [Theory]
    [MemberData(nameof(Headings))]
    public async Task In_iptables_mode_packets_go_where_the_rows_say(string heading)
    {
        var scenario = Rows[heading].First().Scenario;
        network.Node.In(() =>
        {
            foreach (var family in Enum.GetValues<IPFamily>())
                new IptablesDriver(family).Apply(scenario.RenderIptables(family));
        });

        await Check(heading, r => r.Iptables, r => IptablesTracer.Trace(scenario.RenderIptables(r.Packet.Family), scenario.Node, r.Packet));
    }

    /// <summary>A row that fails is shown with the rules that its packet should have met.</summary>
    private async Task Check(string heading, Func<PacketRow, IReadOnlyList<string>> expected, Func<PacketRow, PacketTrace> trace)
    {
        var faults = await Task.WhenAll(Rows[heading].Select(async row =>
            await new PacketProbe(network, row, expected(row)).CheckAsync() is { } fault ? $"{row}: {fault}\n{trace(row)}" : null));
        Assert.True(faults.All(f => f is null), string.Join('\n', faults.OfType<string>()));
    }
}
