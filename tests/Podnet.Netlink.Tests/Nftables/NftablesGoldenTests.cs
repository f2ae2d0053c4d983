using System.Net;
using Podnet.Netlink.Nftables;

namespace Podnet.Netlink.Tests;

/// <summary>
/// The transaction that Debian's <c>nft</c> (1.0.6) sends for the command above each golden, caught by
/// <c>strace -e trace=sendmsg -e write=all</c>.
/// </summary>
public sealed class NftablesGoldenTests
{
    [Fact]
    public void Adding_a_table() => AssertEqual(
        // nft add table ip podnet { comment "Podnet" ; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 38 00 00 00 00 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 08 00 02 00 00 00 00 00 0d 00 06 00
        00 07 50 6f 64 6e 65 74 00 00 00 00 14 00 00 00
        11 00 01 00 02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddTable("Podnet"));

    [Fact]
    public void Adding_a_set_of_intervals() => AssertEqual(
        // nft add set ip podnet pods { type ipv4_addr; flags interval; comment "pod CIDRs"; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 64 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 09 00 02 00 70 6f 64 73 00 00 00 00
        08 00 03 00 00 00 00 04 08 00 04 00 00 00 00 07
        08 00 05 00 00 00 00 04 08 00 0a 00 00 00 00 01
        16 00 0d 00 00 04 02 00 00 00 07 0a 70 6f 64 20
        43 49 44 52 73 00 00 00 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddSet(new Set("pods", DataType.IPv4Address) { Flags = SetFlags.Interval, Comment = "pod CIDRs" }));

    [Fact]
    public void Adding_a_set_of_addresses() => AssertEqual(
        // nft add set ip podnet nodes { type ipv4_addr; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 58 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 02 00 6e 6f 64 65 73 00 00 00
        08 00 03 00 00 00 00 00 08 00 04 00 00 00 00 07
        08 00 05 00 00 00 00 04 08 00 0a 00 00 00 00 01
        0a 00 0d 00 00 04 02 00 00 00 00 00 14 00 00 00
        11 00 01 00 02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddSet(new Set("nodes", DataType.IPv4Address)));

    [Fact]
    public void Adding_a_base_chain() => AssertEqual(
        // nft add chain ip podnet egress { type nat hook postrouting priority srcnat; policy accept; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 50 00 00 00 03 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0b 00 03 00 65 67 72 65 73 73 00 00
        08 00 07 00 6e 61 74 00 08 00 05 00 00 00 00 01
        14 00 04 80 08 00 01 00 00 00 00 04 08 00 02 00
        00 00 00 64 14 00 00 00 11 00 01 00 02 00 00 00
        00 00 00 00 00 00 00 0a
        """,
        New().AddChain(new Chain("egress") { Hook = new ChainHook(ChainType.Nat, Hook.Postrouting, ChainPriority.SourceNat) }));

    [Fact]
    public void Adding_a_chain_to_jump_to() => AssertEqual(
        // nft add chain ip podnet other
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 2c 00 00 00 03 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 03 00 6f 74 68 65 72 00 00 00
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().AddChain(new Chain("other")));

    [Fact]
    public void Adding_a_rule_with_a_comment() => AssertEqual(
        // nft add rule ip podnet egress counter masquerade fully-random comment "hello"
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 6c 00 00 00 06 0a 01 0c 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0b 00 02 00 65 67 72 65 73 73 00 00
        34 00 04 80 14 00 01 80 0c 00 01 00 63 6f 75 6e
        74 65 72 00 04 00 02 80 1c 00 01 80 09 00 01 00
        6d 61 73 71 00 00 00 00 0c 00 02 80 08 00 01 00
        00 00 00 10 0c 00 07 00 00 06 68 65 6c 6c 6f 00
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().AppendRule(new Rule("egress", [new Counter(), new Masquerade(PortChoice.FullyRandom)]) { Comment = "hello" }));

    [Fact]
    public void Adding_a_rule_for_one_source() => AssertEqual(
        // nft add rule ip podnet egress ip saddr 10.240.0.28 return
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a c0 00 00 00 06 0a 01 0c 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0b 00 02 00 65 67 72 65 73 73 00 00
        94 00 04 80 34 00 01 80 0c 00 01 00 70 61 79 6c
        6f 61 64 00 24 00 02 80 08 00 01 00 00 00 00 01
        08 00 02 00 00 00 00 01 08 00 03 00 00 00 00 0c
        08 00 04 00 00 00 00 04 2c 00 01 80 08 00 01 00
        63 6d 70 00 20 00 02 80 08 00 01 00 00 00 00 01
        08 00 02 00 00 00 00 00 0c 00 03 80 08 00 01 00
        0a f0 00 1c 30 00 01 80 0e 00 01 00 69 6d 6d 65
        64 69 61 74 65 00 00 00 1c 00 02 80 08 00 01 00
        00 00 00 00 10 00 02 80 0c 00 02 80 08 00 01 00
        ff ff ff fb 14 00 00 00 11 00 01 00 02 00 00 00
        00 00 00 00 00 00 00 0a
        """,
        New().AppendRule(new Rule("egress", [Payload.SourceIPv4, new Compare(Comparison.Equal, Ip("10.240.0.28")), new Verdict(VerdictCode.Return)])));

    [Fact]
    public void Adding_a_rule_for_one_bit_of_the_mark() => AssertEqual(
        // nft add rule ip podnet other meta mark and 0x4000 == 0x4000 return
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a fc 00 00 00 06 0a 01 0c 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 02 00 6f 74 68 65 72 00 00 00
        d0 00 04 80 24 00 01 80 09 00 01 00 6d 65 74 61
        00 00 00 00 14 00 02 80 08 00 02 00 00 00 00 03
        08 00 01 00 00 00 00 01 4c 00 01 80 0c 00 01 00
        62 69 74 77 69 73 65 00 3c 00 02 80 08 00 01 00
        00 00 00 01 08 00 02 00 00 00 00 01 08 00 06 00
        00 00 00 00 08 00 03 00 00 00 00 04 0c 00 04 80
        08 00 01 00 00 40 00 00 0c 00 05 80 08 00 01 00
        00 00 00 00 2c 00 01 80 08 00 01 00 63 6d 70 00
        20 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00
        00 00 00 00 0c 00 03 80 08 00 01 00 00 40 00 00
        30 00 01 80 0e 00 01 00 69 6d 6d 65 64 69 61 74
        65 00 00 00 1c 00 02 80 08 00 01 00 00 00 00 00
        10 00 02 80 0c 00 02 80 08 00 01 00 ff ff ff fb
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().AppendRule(new Rule("other",
        [
            new Meta(MetaKey.Mark),
            new Bitwise(ByteString.OfHost(0x4000), ByteString.OfHost(0)),
            new Compare(Comparison.Equal, ByteString.OfHost(0x4000)),
            new Verdict(VerdictCode.Return),
        ])));

    [Fact]
    public void Adding_a_rule_that_jumps() => AssertEqual(
        // nft add rule ip podnet other meta mark & 0x4000 == 0x4000 jump egress2
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 08 01 00 00 06 0a 01 0c 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 02 00 6f 74 68 65 72 00 00 00
        dc 00 04 80 24 00 01 80 09 00 01 00 6d 65 74 61
        00 00 00 00 14 00 02 80 08 00 02 00 00 00 00 03
        08 00 01 00 00 00 00 01 4c 00 01 80 0c 00 01 00
        62 69 74 77 69 73 65 00 3c 00 02 80 08 00 01 00
        00 00 00 01 08 00 02 00 00 00 00 01 08 00 06 00
        00 00 00 00 08 00 03 00 00 00 00 04 0c 00 04 80
        08 00 01 00 00 40 00 00 0c 00 05 80 08 00 01 00
        00 00 00 00 2c 00 01 80 08 00 01 00 63 6d 70 00
        20 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00
        00 00 00 00 0c 00 03 80 08 00 01 00 00 40 00 00
        3c 00 01 80 0e 00 01 00 69 6d 6d 65 64 69 61 74
        65 00 00 00 28 00 02 80 08 00 01 00 00 00 00 00
        1c 00 02 80 18 00 02 80 08 00 01 00 ff ff ff fd
        0c 00 02 00 65 67 72 65 73 73 32 00 14 00 00 00
        11 00 01 00 02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AppendRule(new Rule("other",
        [
            new Meta(MetaKey.Mark),
            new Bitwise(ByteString.OfHost(0x4000), ByteString.OfHost(0)),
            new Compare(Comparison.Equal, ByteString.OfHost(0x4000)),
            new Verdict(VerdictCode.Jump, "egress2"),
        ])));

    [Fact]
    public void Deleting_an_interval() => AssertEqual(
        // nft delete element ip podnet pods { 10.240.0.0/27 }
        // Changed by hand: nft numbers the items of the list (18 00 02 80); the header has but one type for them, NFTA_LIST_ELEM.
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 58 00 00 00 0e 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 09 00 02 00 70 6f 64 73 00 00 00 00
        2c 00 03 80 10 00 01 80 0c 00 01 80 08 00 01 00
        0a f0 00 00 18 00 01 80 08 00 03 00 00 00 00 01
        0c 00 01 80 08 00 01 00 0a f0 00 20 14 00 00 00
        11 00 01 00 02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().DeleteElements("pods", [Element.Of(IPNetwork.Parse("10.240.0.0/27"))]));

    [Fact]
    public void Deleting_an_address() => AssertEqual(
        // nft delete element ip podnet nodes { 10.99.0.3 }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 40 00 00 00 0e 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 02 00 6e 6f 64 65 73 00 00 00
        14 00 03 80 10 00 01 80 0c 00 01 80 08 00 01 00
        0a 63 00 03 14 00 00 00 11 00 01 00 02 00 00 00
        00 00 00 00 00 00 00 0a
        """,
        New().DeleteElements("nodes", [Element.Of(IPAddress.Parse("10.99.0.3"))]));

    [Fact]
    public void Flushing_a_chain() => AssertEqual(
        // nft flush chain ip podnet egress
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 2c 00 00 00 08 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0b 00 02 00 65 67 72 65 73 73 00 00
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().FlushChain("egress"));

    [Fact]
    public void Deleting_a_chain() => AssertEqual(
        // nft delete chain ip podnet other
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 2c 00 00 00 05 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0a 00 03 00 6f 74 68 65 72 00 00 00
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().DeleteChain("other"));

    [Fact]
    public void Deleting_a_set() => AssertEqual(
        // nft delete set ip podnet pods
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 2c 00 00 00 0b 0a 01 00 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 09 00 02 00 70 6f 64 73 00 00 00 00
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().DeleteSet("pods"));

    private static Transaction New() => new(new TableName(TableFamily.Ip, "podnet"));

    private static ByteString Ip(string address) => ByteString.Of(IPAddress.Parse(address));

    private static void AssertEqual(string golden, Transaction transaction) => Hex.AssertEqual(golden, transaction.Finish().Bytes);
}
