using System.Net;
using Podnet.Netlink.Nftables;

namespace Podnet.Netlink.Tests;

/// <summary>
/// What Debian's <c>nft</c> (1.0.6) sends for the command above each golden, caught by <c>strace -e trace=sendmsg -e write=all</c>. Changed by
/// hand: sets with a name go without a number, elements of a list are all of type NFTA_LIST_ELEM, and a set's number is this library's.
/// </summary>
public sealed class NftablesMapGoldenTests
{
    private static readonly ServiceTables Ip4 = new(TableFamily.Ip);

    [Fact]
    public void A_set_of_intervals_of_concatenations() => AssertEqual(
        // nft add set ip podnet sources { type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 98 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0c 00 02 00 73 6f 75 72 63 65 73 00
        08 00 03 00 00 00 00 84 08 00 04 00 00 1c c3 47
        08 00 05 00 00 00 00 10 08 00 0a 00 00 00 00 01
        38 00 09 80 34 00 02 80 0c 00 01 80 08 00 01 00
        00 00 00 04 0c 00 01 80 08 00 01 00 00 00 00 01
        0c 00 01 80 08 00 01 00 00 00 00 02 0c 00 01 80
        08 00 01 00 00 00 00 04 14 00 0d 00 00 04 00 00
        00 00 03 08 00 04 0d 00 00 00 01 00 14 00 00 00
        11 00 01 00 02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddSet(Ip4.Sources));

    [Fact]
    public void An_element_with_a_range_and_a_comment() => AssertEqual(
        // nft add element ip podnet sources { 10.0.0.1 . tcp . 80 . 10.0.0.0/8 comment "hi" }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 70 00 00 00 0c 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0c 00 02 00 73 6f 75 72 63 65 73 00
        44 00 03 80 40 00 01 80 18 00 01 80 14 00 01 00
        0a 00 00 01 06 00 00 00 00 50 00 00 0a 00 00 00
        18 00 0a 80 14 00 01 00 0a 00 00 01 06 00 00 00
        00 50 00 00 0a ff ff ff 09 00 06 00 00 03 68 69
        00 00 00 00 14 00 00 00 11 00 01 00 02 00 00 00
        00 00 00 00 00 00 00 0a
        """,
        New().AddElements("sources",
        [
            new Element(Ip4.Key("10.0.0.1", "", 6, 80, Ip("10.0.0.0"))) { Last = Ip4.Key("10.0.0.1", "", 6, 80, Ip("10.255.255.255")), Comment = "hi" },
        ]));

    [Fact]
    public void A_set_with_a_bound_and_timeouts() => AssertEqual(
        // nft add set ip podnet bounded { type ipv4_addr; size 100; flags timeout; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 64 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0c 00 02 00 62 6f 75 6e 64 65 64 00
        08 00 03 00 00 00 00 10 08 00 04 00 00 00 00 07
        08 00 05 00 00 00 00 04 08 00 0a 00 00 00 00 01
        0c 00 09 80 08 00 01 00 00 00 00 64 0a 00 0d 00
        00 04 02 00 00 00 00 00 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddSet(Ip4.Bounded));

    [Fact]
    public void An_element_with_a_timeout() => AssertEqual(
        // nft add element ip podnet bounded { 1.2.3.4 timeout 1h comment "x" }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 54 00 00 00 0c 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0c 00 02 00 62 6f 75 6e 64 65 64 00
        28 00 03 80 24 00 01 80 0c 00 04 00 00 00 00 00
        00 36 ee 80 0c 00 01 80 08 00 01 00 01 02 03 04
        08 00 06 00 00 02 78 00 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddElements("bounded", [new Element(Ip("1.2.3.4")) { Timeout = TimeSpan.FromHours(1), Comment = "x" }]));

    [Fact]
    public void A_map_of_verdicts_that_counts() => AssertEqual(
        // nft add map ip podnet services { type ipv4_addr . inet_proto . inet_service : verdict; counter; comment "svc"; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 9c 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0d 00 02 00 73 65 72 76 69 63 65 73
        00 00 00 00 08 00 03 00 00 00 00 08 08 00 04 00
        00 00 73 0d 08 00 05 00 00 00 00 0c 08 00 06 00
        ff ff ff 00 08 00 07 00 00 00 00 00 08 00 0a 00
        00 00 00 01 26 00 0d 00 00 04 00 00 00 00 01 04
        00 00 00 00 03 08 00 04 0d 00 00 00 01 00 06 04
        00 00 00 00 07 04 73 76 63 00 00 00 14 00 11 80
        0c 00 01 00 63 6f 75 6e 74 65 72 00 04 00 02 80
        14 00 00 00 11 00 01 00 02 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().AddSet(Ip4.Services with { Comment = "svc" }));

    [Fact]
    public void Elements_that_decide() => AssertEqual(
        // nft add element ip podnet services { 10.0.0.1 . tcp . 80 comment "ns/name:port" : goto goal, 10.0.0.1 . udp . 53 : drop }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a a4 00 00 00 0c 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0d 00 02 00 73 65 72 76 69 63 65 73
        00 00 00 00 74 00 03 80 48 00 01 80 14 00 01 80
        10 00 01 00 0a 00 00 01 06 00 00 00 00 50 00 00
        1c 00 02 80 18 00 02 80 08 00 01 00 ff ff ff fc
        09 00 02 00 67 6f 61 6c 00 00 00 00 13 00 06 00
        00 0d 6e 73 2f 6e 61 6d 65 3a 70 6f 72 74 00 00
        28 00 01 80 14 00 01 80 10 00 01 00 0a 00 00 01
        11 00 00 00 00 35 00 00 10 00 02 80 0c 00 02 80
        08 00 01 00 00 00 00 00 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddElements("services",
        [
            new Element(Ip4.Key("10.0.0.1", "", 6, 80)) { Verdict = new Verdict(VerdictCode.Goto, "goal"), Comment = "ns/name:port" },
            new Element(Ip4.Key("10.0.0.1", "", 17, 53)) { Verdict = new Verdict(VerdictCode.Drop) },
        ]));

    [Fact]
    public void A_map_whose_key_has_a_random_number() => AssertEqual(
        // nft add map ip podnet endpoints { typeof ip daddr . meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport; counter; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 24 01 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0e 00 02 00 65 6e 64 70 6f 69 6e 74
        73 00 00 00 08 00 03 00 00 00 00 08 08 00 04 00
        00 1c c3 44 08 00 05 00 00 00 00 10 08 00 06 00
        00 00 01 cd 08 00 07 00 00 00 00 08 08 00 0a 00
        00 00 00 01 ae 00 0d 00 00 04 00 00 00 00 01 04
        00 00 00 00 03 60 00 04 0d 00 00 00 01 58 00 14
        00 04 07 00 00 00 01 0c 00 04 0c 00 00 00 01 04
        0c 00 00 00 01 0e 00 04 09 00 00 00 01 06 00 04
        10 00 00 00 02 14 00 04 07 00 00 00 01 0c 00 04
        0b 00 00 00 01 04 02 00 00 00 03 1a 00 04 17 00
        00 00 01 12 00 04 01 00 00 00 01 04 02 00 00 00
        02 04 00 00 00 00 04 34 00 04 0d 00 00 00 01 2c
        00 14 00 04 07 00 00 00 01 0c 00 04 0c 00 00 00
        01 04 0c 00 00 00 01 14 00 04 07 00 00 00 01 0c
        00 04 0b 00 00 00 01 04 02 00 00 00 06 04 00 00
        00 00 00 00 14 00 11 80 0c 00 01 00 63 6f 75 6e
        74 65 72 00 04 00 02 80 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        New().AddSet(Ip4.Endpoints));

    [Fact]
    public void A_map_of_IPv6() => AssertEqual(
        // nft add map ip6 podnet endpoints { typeof ip6 daddr . meta l4proto . th dport . numgen random mod 2 : ip6 daddr . th dport; counter; }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 24 01 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 0a 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0e 00 02 00 65 6e 64 70 6f 69 6e 74
        73 00 00 00 08 00 03 00 00 00 00 08 08 00 04 00
        00 20 c3 44 08 00 05 00 00 00 00 1c 08 00 06 00
        00 00 02 0d 08 00 07 00 00 00 00 14 08 00 0a 00
        00 00 00 01 ae 00 0d 00 00 04 00 00 00 00 01 04
        00 00 00 00 03 60 00 04 0d 00 00 00 01 58 00 14
        00 04 07 00 00 00 01 0c 00 04 0d 00 00 00 01 04
        09 00 00 00 01 0e 00 04 09 00 00 00 01 06 00 04
        10 00 00 00 02 14 00 04 07 00 00 00 01 0c 00 04
        0b 00 00 00 01 04 02 00 00 00 03 1a 00 04 17 00
        00 00 01 12 00 04 01 00 00 00 01 04 02 00 00 00
        02 04 00 00 00 00 04 34 00 04 0d 00 00 00 01 2c
        00 14 00 04 07 00 00 00 01 0c 00 04 0d 00 00 00
        01 04 09 00 00 00 01 14 00 04 07 00 00 00 01 0c
        00 04 0b 00 00 00 01 04 02 00 00 00 06 04 00 00
        00 00 00 00 14 00 11 80 0c 00 01 00 63 6f 75 6e
        74 65 72 00 04 00 02 80 14 00 00 00 11 00 01 00
        02 00 00 00 00 00 00 00 00 00 00 0a
        """,
        new Transaction(new TableName(TableFamily.Ip6, "podnet")).AddSet(new ServiceTables(TableFamily.Ip6).Endpoints));

    [Fact]
    public void A_rule_that_looks_up_in_constants_and_updates_a_map() => AssertEqual(
        // nft add rule ip podnet c meta l4proto { tcp, udp, sctp } update @sessions { ip saddr . ip daddr . meta l4proto . th dport timeout 3h : ip daddr . th dport }
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a 74 00 00 00 09 0a 01 04 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 0c 00 02 00 5f 5f 73 65 74 25 64 00
        08 00 03 00 00 00 00 03 08 00 04 00 00 00 00 0c
        08 00 05 00 00 00 00 01 08 00 0a 00 00 00 00 01
        0c 00 09 80 08 00 01 00 00 00 00 03 1a 00 0d 00
        00 04 01 00 00 00 03 0e 00 04 09 00 00 00 01 06
        00 04 10 00 00 00 00 00 68 00 00 00 0c 0a 01 04
        02 00 00 00 00 00 00 00 02 00 00 00 0b 00 01 00
        70 6f 64 6e 65 74 00 00 0c 00 02 00 5f 5f 73 65
        74 25 64 00 08 00 04 00 00 00 00 01 34 00 03 80
        10 00 01 80 0c 00 01 80 05 00 01 00 06 00 00 00
        10 00 01 80 0c 00 01 80 05 00 01 00 11 00 00 00
        10 00 01 80 0c 00 01 80 05 00 01 00 84 00 00 00
        f0 01 00 00 06 0a 01 0c 03 00 00 00 00 00 00 00
        02 00 00 00 0b 00 01 00 70 6f 64 6e 65 74 00 00
        06 00 02 00 63 00 00 00 c8 01 04 80 24 00 01 80
        09 00 01 00 6d 65 74 61 00 00 00 00 14 00 02 80
        08 00 02 00 00 00 00 10 08 00 01 00 00 00 00 01
        30 00 01 80 0b 00 01 00 6c 6f 6f 6b 75 70 00 00
        20 00 02 80 08 00 02 00 00 00 00 01 0c 00 01 00
        5f 5f 73 65 74 25 64 00 08 00 04 00 00 00 00 01
        34 00 01 80 0c 00 01 00 70 61 79 6c 6f 61 64 00
        24 00 02 80 08 00 01 00 00 00 00 01 08 00 02 00
        00 00 00 01 08 00 03 00 00 00 00 0c 08 00 04 00
        00 00 00 04 34 00 01 80 0c 00 01 00 70 61 79 6c
        6f 61 64 00 24 00 02 80 08 00 01 00 00 00 00 09
        08 00 02 00 00 00 00 01 08 00 03 00 00 00 00 10
        08 00 04 00 00 00 00 04 24 00 01 80 09 00 01 00
        6d 65 74 61 00 00 00 00 14 00 02 80 08 00 02 00
        00 00 00 10 08 00 01 00 00 00 00 0a 34 00 01 80
        0c 00 01 00 70 61 79 6c 6f 61 64 00 24 00 02 80
        08 00 01 00 00 00 00 0b 08 00 02 00 00 00 00 02
        08 00 03 00 00 00 00 02 08 00 04 00 00 00 00 02
        34 00 01 80 0c 00 01 00 70 61 79 6c 6f 61 64 00
        24 00 02 80 08 00 01 00 00 00 00 02 08 00 02 00
        00 00 00 01 08 00 03 00 00 00 00 10 08 00 04 00
        00 00 00 04 34 00 01 80 0c 00 01 00 70 61 79 6c
        6f 61 64 00 24 00 02 80 08 00 01 00 00 00 00 0d
        08 00 02 00 00 00 00 02 08 00 03 00 00 00 00 02
        08 00 04 00 00 00 00 02 48 00 01 80 0b 00 01 00
        64 79 6e 73 65 74 00 00 38 00 02 80 08 00 04 00
        00 00 00 01 08 00 05 00 00 00 00 02 08 00 03 00
        00 00 00 01 0c 00 06 00 00 00 00 00 00 a4 cb 80
        0d 00 01 00 73 65 73 73 69 6f 6e 73 00 00 00 00
        14 00 00 00 11 00 01 00 04 00 00 00 00 00 00 00
        00 00 00 0a
        """,
        New().AppendRule(new Rule("c",
        [
            new Meta(MetaKey.TransportProtocol),
            ServiceTables.ServiceProtocols,
            .. Ip4.SessionKey,
            Payload.DestinationIPv4 with { Destination = Register.R2 },
            Payload.DestinationPort with { Destination = Register.Word(5) },
            new UpdateSet("sessions", Register.R1, Register.R2, ServiceTables.SessionTimeout),
        ])));

    [Fact]
    public void A_local_destination() => AssertEqual(
        // nft add rule ip podnet c fib daddr type local accept
        """
        14 00 00 00 10 00 01 00 00 00 00 00 00 00 00 00
        00 00 00 0a b0 00 00 00 06 0a 01 0c 01 00 00 00
        00 00 00 00 02 00 00 00 0b 00 01 00 70 6f 64 6e
        65 74 00 00 06 00 02 00 63 00 00 00 88 00 04 80
        28 00 01 80 08 00 01 00 66 69 62 00 1c 00 02 80
        08 00 03 00 00 00 00 02 08 00 02 00 00 00 00 03
        08 00 01 00 00 00 00 01 2c 00 01 80 08 00 01 00
        63 6d 70 00 20 00 02 80 08 00 01 00 00 00 00 01
        08 00 02 00 00 00 00 00 0c 00 03 80 08 00 01 00
        02 00 00 00 30 00 01 80 0e 00 01 00 69 6d 6d 65
        64 69 61 74 65 00 00 00 1c 00 02 80 08 00 01 00
        00 00 00 00 10 00 02 80 0c 00 02 80 08 00 01 00
        00 00 00 01 14 00 00 00 11 00 01 00 02 00 00 00
        00 00 00 00 00 00 00 0a
        """,
        New().AppendRule(new Rule("c",
        [
            new AddressType(PacketAddress.Destination), new Compare(Comparison.Equal, AddressType.Local), new Verdict(VerdictCode.Accept),
        ])));

    private static Transaction New() => new(Ip4.Name);

    private static ByteString Ip(string address) => ByteString.Of(IPAddress.Parse(address));

    private static void AssertEqual(string golden, Transaction transaction) => Hex.AssertEqual(golden, transaction.Finish().Bytes);
}
