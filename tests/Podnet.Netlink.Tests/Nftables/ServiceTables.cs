using System.Net;
using Podnet.Netlink.Nftables;

namespace Podnet.Netlink.Tests;

/// <summary>A table with maps and rules such as Services need, for either family: as records, and as the text that nft takes for the same.</summary>
internal sealed class ServiceTables(TableFamily family)
{
    internal static readonly TimeSpan SessionTimeout = TimeSpan.FromHours(3);
    internal static readonly OneOf ServiceProtocols = new(TypeOf.TransportProtocol, [.. new byte[] { 6, 17, 132 }.Select(p => new ByteString([p]))]);

    private readonly int _length = family == TableFamily.Ip ? 4 : 16;

    internal int AddressLength => _length;

    internal TableName Name { get; } = new(family, "podnet");

    internal Payload Source => family == TableFamily.Ip ? Payload.SourceIPv4 : Payload.SourceIPv6;

    internal Payload Destination => family == TableFamily.Ip ? Payload.DestinationIPv4 : Payload.DestinationIPv6;

    internal DataType Address => family == TableFamily.Ip ? DataType.IPv4Address : DataType.IPv6Address;

    private DataType TypeOfSource => family == TableFamily.Ip ? TypeOf.SourceIPv4 : TypeOf.SourceIPv6;

    private DataType TypeOfDestination => family == TableFamily.Ip ? TypeOf.DestinationIPv4 : TypeOf.DestinationIPv6;

    internal Set Plain => new("plain", DataType.Concat(Address, Address)) { Comment = "hairpin" };

    internal Set Sources => new("sources", DataType.Concat(Address, DataType.Protocol, DataType.Port, Address)) { Flags = SetFlags.Interval };

    internal Set Bounded => new("bounded", Address) { Size = 100, Flags = SetFlags.Timeout };

    internal Set Services => new("services", DataType.Concat(Address, DataType.Protocol, DataType.Port))
    {
        Data = DataType.Verdict,
        Counter = true,
        Comment = "ServicePorts",
    };

    internal Set NodePorts => new("node-ports", DataType.Concat(TypeOf.TransportProtocol, TypeOf.DestinationPort)) { Data = DataType.Verdict };

    internal Set Endpoints => new("endpoints", DataType.Concat(TypeOfDestination, TypeOf.TransportProtocol, TypeOf.DestinationPort, TypeOf.Random(2)))
    {
        Data = DataType.Concat(TypeOfDestination, TypeOf.DestinationPort),
        Counter = true,
    };

    internal Set Affine => new("affine", DataType.Concat(TypeOfSource, TypeOfDestination, TypeOf.TransportProtocol, TypeOf.DestinationPort))
    {
        Data = DataType.Concat(TypeOfDestination, TypeOf.DestinationPort),
    };

    internal Set Sessions => new("sessions", DataType.Concat(Address, Address, DataType.Protocol, DataType.Port))
    {
        Data = DataType.Concat(Address, DataType.Port),
        Flags = SetFlags.Dynamic | SetFlags.Timeout,
        Size = 65535,
    };

    internal Set Marks => new("marks", Address) { Data = DataType.Mark };

    internal IReadOnlyList<Set> Sets => [Plain, Sources, Bounded, Services, NodePorts, Endpoints, Affine, Sessions, Marks];

    internal Dictionary<string, Element[]> Elements => new()
    {
        ["plain"] = [],
        ["sources"] =
        [
            new(Key("10.0.0.1", "fd00::1", 6, 80, Ip("10.0.0.0", "fd00::"))) { Last = Key("10.0.0.1", "fd00::1", 6, 80, Ip("10.255.255.255", "fd00::ffff:ffff:ffff:ffff")), Comment = "net" },
            new(Key("10.0.0.1", "fd00::1", 6, 80, Ip("192.168.1.1", "fd01::1"))),
        ],
        ["bounded"] = [],
        ["services"] =
        [
            new(Key("10.0.0.1", "fd00::1", 6, 80)) { Verdict = new Verdict(VerdictCode.Goto, "endpoint"), Comment = "ns/name:port" },
            new(Key("10.0.0.1", "fd00::1", 17, 53)) { Verdict = new Verdict(VerdictCode.Drop) },
        ],
        ["node-ports"] = [new(new ByteString([6, 0, 0, 0, 0x75, 0x90, 0, 0])) { Verdict = new Verdict(VerdictCode.Jump, "endpoint") }],
        ["endpoints"] =
        [
            new(Key("10.0.0.1", "fd00::1", 6, 80, 0)) { Data = Endpoint("10.244.0.2", "fd02::2", 8080) },
            new(Key("10.0.0.1", "fd00::1", 6, 80, 1)) { Data = Endpoint("10.244.0.3", "fd02::3", 8080) },
        ],
        ["affine"] = [],
        ["sessions"] = [],
        ["marks"] = [new(Ip("1.2.3.4", "fd00::4")) { Data = ByteString.OfHost(0x4000) }],
    };

    internal IReadOnlyList<Chain> Chains =>
    [
        new("endpoint"),
        new("refuse"),
        new("early") { Hook = new ChainHook(ChainType.Filter, Hook.Prerouting, -110) },
        new("nat") { Hook = new ChainHook(ChainType.Nat, Hook.Prerouting, ChainPriority.DestinationNat) },
    ];

    internal IReadOnlyList<Rule> Rules => [.. ServiceRules(), .. RejectRules()];

    /// <summary>All rules of one chain, and then those of the next, as the kernel lists them.</summary>
    private Rule[] ServiceRules()
    {
        var port = Register.R1.Plus(_length + 4);
        var after = Register.R1.Plus(_length + 8);
        var mark = ByteString.OfHost(0x4000);
        Expression[] protocols = [new Meta(MetaKey.TransportProtocol), ServiceProtocols];
        Expression[] endpointNat = [new DestinationNat(family, Register.R1, Register.R1.Plus(_length))];
        return
        [
            new("endpoint", [.. protocols, .. ServiceKey, new RandomNumber(5, after), new Lookup("endpoints") { Destination = Register.R1 }, .. endpointNat]),
            new("endpoint", [.. ServiceKey, new Lookup("services") { Destination = Register.Verdict }]),
            new("endpoint",
            [
                new Meta(MetaKey.TransportProtocol),
                Payload.DestinationPort with { Destination = Register.Word(1) },
                new Lookup("node-ports") { Destination = Register.Verdict },
            ]),
            new("endpoint",
            [
                Destination,
                new Meta(MetaKey.TransportProtocol, Register.R1.Plus(_length)),
                Payload.DestinationPort with { Destination = port },
                Source with { Destination = after },
                new Lookup("sources", Inverted: true),
                new Verdict(VerdictCode.Drop),
            ]),
            new("endpoint", [Source, Destination with { Destination = Register.R1.Plus(_length) }, new Lookup("plain"), new Verdict(VerdictCode.Accept)]),
            new("endpoint", [new AddressType(PacketAddress.Destination), new Compare(Comparison.Equal, AddressType.Local), new Verdict(VerdictCode.Accept)]),
            new("endpoint", [new AddressType(PacketAddress.Source), new Compare(Comparison.Equal, AddressType.Local), new Verdict(VerdictCode.Accept)]),
            new("endpoint", [new Meta(MetaKey.Mark), new Bitwise(ByteString.OfHost(~0x4000u), mark), new MetaSet(MetaKey.Mark)]),
            new("endpoint", [Source, new Lookup("marks") { Destination = Register.R1 }, new MetaSet(MetaKey.Mark)]),
            new("endpoint", [.. protocols, .. SessionKey, new Lookup("sessions") { Destination = Register.R1 }, .. endpointNat]),
        ];
    }

    private Rule[] RejectRules() =>
    [
        new("refuse", [Reject.PortUnreachable(family)]),
    ];

    /// <summary>ip daddr . meta l4proto . th dport from R1 on.</summary>
    internal Expression[] ServiceKey => ServiceKeyAt(Register.R1);

    /// <summary>ip saddr . ip daddr . meta l4proto . th dport from R1 on.</summary>
    internal Expression[] SessionKey => [Source, .. ServiceKeyAt(Register.R1.Plus(_length))];

    internal Expression[] ServiceKeyAt(Register register) =>
    [
        Destination with { Destination = register },
        new Meta(MetaKey.TransportProtocol, register.Plus(_length)),
        Payload.DestinationPort with { Destination = register.Plus(_length + 4) },
    ];

    /// <summary>What nft is given for the same.</summary>
    internal string Text => ForFamily(
        """
        table ip podnet {
          set plain { type ipv4_addr . ipv4_addr; comment "hairpin"; }
          set sources { type ipv4_addr . inet_proto . inet_service . ipv4_addr; flags interval;
            elements = { A1 . tcp . 80 . 10.0.0.0/8 comment "net", A1 . tcp . 80 . 192.168.1.1 }; }
          set bounded { type ipv4_addr; size 100; flags timeout; }
          map services { type ipv4_addr . inet_proto . inet_service : verdict; counter; comment "ServicePorts";
            elements = { A1 . tcp . 80 comment "ns/name:port" : goto endpoint, A1 . udp . 53 : drop }; }
          map node-ports { typeof meta l4proto . th dport : verdict; elements = { tcp . 30096 : jump endpoint }; }
          map endpoints { typeof ip daddr . meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport; counter;
            elements = { A1 . tcp . 80 . 0 : 10.244.0.2 . 8080, A1 . tcp . 80 . 1 : 10.244.0.3 . 8080 }; }
          map affine { typeof ip saddr . ip daddr . meta l4proto . th dport : ip daddr . th dport; }
          map sessions { type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; flags dynamic,timeout; size 65535; }
          map marks { type ipv4_addr : mark; elements = { 1.2.3.4 : 0x4000 }; }
          chain endpoint {
            meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 5 map @endpoints
            ip daddr . meta l4proto . th dport vmap @services
            meta l4proto . th dport vmap @node-ports
            ip daddr . meta l4proto . th dport . ip saddr != @sources drop
            ip saddr . ip daddr @plain accept
            fib daddr type local accept
            fib saddr type local accept
            meta mark set meta mark | 0x4000
            meta mark set ip saddr map @marks
            meta l4proto { tcp, udp, sctp } dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @sessions
          }
          chain refuse {
            reject
          }
          chain early { type filter hook prerouting priority -110; }
          chain nat { type nat hook prerouting priority dstnat; }
        }
        """);

    internal string ForFamily(string text) => family == TableFamily.Ip
        ? text.Replace("A1", "10.0.0.1", StringComparison.Ordinal)
        : text.Replace("ip saddr", "ip6 saddr", StringComparison.Ordinal).Replace("ip daddr", "ip6 daddr", StringComparison.Ordinal)
            .Replace("ipv4_addr", "ipv6_addr", StringComparison.Ordinal).Replace("dnat ip to", "dnat ip6 to", StringComparison.Ordinal)
            .Replace("table ip ", "table ip6 ", StringComparison.Ordinal).Replace("A1", "fd00::1", StringComparison.Ordinal)
            .Replace("10.0.0.0/8", "fd00::/64", StringComparison.Ordinal).Replace("192.168.1.1", "fd01::1", StringComparison.Ordinal)
            .Replace("10.244.0.", "fd02::", StringComparison.Ordinal).Replace("1.2.3.4", "fd00::4", StringComparison.Ordinal);

    internal ByteString Ip(string v4, string v6) => ByteString.Of(IPAddress.Parse(family == TableFamily.Ip ? v4 : v6));

    internal ByteString Endpoint(string v4, string v6, ushort port) => new([.. Ip(v4, v6).Span, .. ByteString.OfPort(port).Span, 0, 0]);

    internal ByteString Key(string v4, string v6, byte protocol, ushort port, ByteString last = default) =>
        new([.. Ip(v4, v6).Span, protocol, 0, 0, 0, .. ByteString.OfPort(port).Span, 0, 0, .. last.Span]);

    private ByteString Key(string v4, string v6, byte protocol, ushort port, uint slot) => Key(v4, v6, protocol, port, ByteString.OfHost(slot));

    internal Transaction All()
    {
        var transaction = new Transaction(Name).AddTable();
        foreach (var set in Sets)
            transaction.AddSet(set);
        foreach (var chain in Chains)
            transaction.AddChain(chain);
        foreach (var (set, elements) in Elements)
            transaction.AddElements(set, elements);
        foreach (var rule in Rules)
            transaction.AppendRule(rule);
        return transaction;
    }
}
