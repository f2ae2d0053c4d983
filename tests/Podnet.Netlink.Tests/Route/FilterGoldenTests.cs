namespace Podnet.Netlink.Tests;

/// <summary>As in <see cref="RouteGoldenTests"/>: what <c>tc</c> sends for the command above each golden.</summary>
public sealed class FilterGoldenTests
{
    [Fact]
    public void Adding_places_for_filters() => Hex.AssertEqual(
        // tc qdisc add dev d0 clsact
        """
        30 00 00 00 24 00 05 06  00 00 00 00 00 00 00 00
        00 00 00 00 03 00 00 00  00 00 ff ff f1 ff ff ff
        00 00 00 00 0b 00 01 00  63 6c 73 61 63 74 00 00
        """,
        new RouteRequests().AddHooks(3).Batch.Bytes);

    [Fact]
    public void Running_a_program_on_what_comes_in() => Hex.AssertEqual(
        // tc filter replace dev d0 ingress pref 80 handle 1 bpf da object-pinned … (its descriptor is 9; tc makes up another name)
        """
        4c 00 00 00 2c 00 05 04  00 00 00 00 00 00 00 00
        00 00 00 00 03 00 00 00  01 00 00 00 f2 ff ff ff
        00 03 50 00 08 00 01 00  62 70 66 00 20 00 02 00
        08 00 06 00 09 00 00 00  09 00 07 00 66 61 73 74
        00 00 00 00 08 00 08 00  01 00 00 00
        """,
        new RouteRequests().ReplaceProgram(3, new PacketProgram(9, "fast", 80)).Batch.Bytes);
}
