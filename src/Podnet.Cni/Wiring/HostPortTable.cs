using System.Collections.Immutable;
using System.Net;
using Podnet.Cni.Protocol;
using Podnet.Netlink;
using Podnet.Netlink.Nftables;

namespace Podnet.Cni.Wiring;

/// <summary>
/// What leads host ports to pods. Chains and rules are the same for any number of ports; a port is an element, and a pod one more, for
/// packets that come back to where they came from.
/// <code>
/// table inet podnet-host-ports {
///     map ports-ipv4 { typeof ip daddr . meta l4proto . th dport : ip daddr . th dport; flags interval; counter }
///     set pods-ipv4 { typeof ip saddr . ip daddr }
///     chain guard { type filter hook prerouting priority raw; iifgroup 80 ip daddr 127.0.0.0/8 counter drop }
///     chain prerouting { type nat hook prerouting priority dstnat + 5; fib daddr type local jump host-ports }
///     chain output { type nat hook output priority -95; fib daddr type local jump host-ports }
///     chain host-ports {
///         ip6 daddr ::1 return
///         meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @ports-ipv4
///         …
///     }
///     chain postrouting {
///         type nat hook postrouting priority srcnat;
///         oifgroup 80 ip saddr 127.0.0.0/8 counter masquerade fully-random
///         ct status dnat ip saddr . ip daddr @pods-ipv4 counter masquerade fully-random
///         …
///     }
/// }
/// </code>
/// They come right after Services, in either proxy mode (priority dstnat): a node port or external IP that is the same wins. The guard is there because the
/// link of a pod with host ports may carry 127.0.0.1 (route_localnet): from the node to the pod, never from the pod.
/// </summary>
/// <remarks>Needs nat in tables inet (Linux 5.2) and ranges in concatenations (5.6).</remarks>
internal static class HostPortTable
{
    public static readonly TableName Name = new(TableFamily.Inet, "podnet-host-ports");

    private const string Guard = "guard";
    private const string Prerouting = "prerouting";
    private const string Output = "output";
    private const string HostPortsChain = "host-ports";
    private const string Postrouting = "postrouting";

    /// <summary>Behind the Services of either proxy mode, which are at dstnat.</summary>
    private const int AfterServices = ChainPriority.DestinationNat + 5;

    /// <summary>IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h).</summary>
    private const uint Translated = 1 << 5;

    private const byte Loopback = 127;
    private const int Word = 4;

    private static readonly Family V4 = new(
        2, TableFamily.Ip, "ipv4", TypeOf.SourceIPv4, TypeOf.DestinationIPv4, Payload.SourceIPv4, Payload.DestinationIPv4);

    private static readonly Family V6 = new(
        10, TableFamily.Ip6, "ipv6", TypeOf.SourceIPv6, TypeOf.DestinationIPv6, Payload.SourceIPv6, Payload.DestinationIPv6);

    public static readonly ImmutableArray<Set> Sets = [V4.Ports, V6.Ports, V4.Pods, V6.Pods];

    public static readonly ImmutableArray<Chain> Chains =
    [
        new(Guard) { Hook = new ChainHook(ChainType.Filter, Hook.Prerouting, ChainPriority.Raw) },
        new(Prerouting) { Hook = new ChainHook(ChainType.Nat, Hook.Prerouting, AfterServices) },
        new(Output) { Hook = new ChainHook(ChainType.Nat, Hook.Output, AfterServices) },
        new(HostPortsChain),
        new(Postrouting) { Hook = new ChainHook(ChainType.Nat, Hook.Postrouting, ChainPriority.SourceNat) },
    ];

    public static readonly ImmutableArray<Rule> Rules =
    [
        new(Guard, [new Meta(MetaKey.InputGroup), .. Is(Link.PodGroup), .. V4.Only, .. FirstByte(Payload.DestinationIPv4, Loopback), new Counter(), new Verdict(VerdictCode.Drop)]),
        new(Prerouting, [.. ToNode, new Verdict(VerdictCode.Jump, HostPortsChain)]),
        new(Output, [.. ToNode, new Verdict(VerdictCode.Jump, HostPortsChain)]),
        new(HostPortsChain, [.. V6.Only, Payload.DestinationIPv6, new Compare(Comparison.Equal, ByteString.Of(IPAddress.IPv6Loopback)), new Verdict(VerdictCode.Return)]),
        new(HostPortsChain, V4.Translate),
        new(HostPortsChain, V6.Translate),
        new(Postrouting, [new Meta(MetaKey.OutputGroup), .. Is(Link.PodGroup), .. V4.Only, .. FirstByte(Payload.SourceIPv4, Loopback), .. CountAndMasquerade]),
        new(Postrouting, V4.Hairpin),
        new(Postrouting, V6.Hairpin),
    ];

    public static Set PortsOf(bool ipv4) => ipv4 ? V4.Ports : V6.Ports;

    public static Set PodsOf(bool ipv4) => ipv4 ? V4.Pods : V6.Pods;

    /// <summary>A pod that has host ports, as both ends of a packet.</summary>
    public static Element Pod(IPAddress pod, string comment) => new(new ByteString([.. pod.GetAddressBytes(), .. pod.GetAddressBytes()])) { Comment = comment };

    /// <summary>Whether chains, rules and sets are as they were made, whatever the sets hold.</summary>
    public static bool IsWhole(TableContent content) =>
        content.Chains.ToHashSet().SetEquals(Chains)
        && content.Sets.ToHashSet().SetEquals(Sets)
        && content.Rules.Count == Rules.Length
        && Chains.All(chain => In(content.Rules, chain).Zip(In(Rules, chain)).All(pair => pair.First.IsSameAs(pair.Second)));

    /// <summary>The table, without ports.</summary>
    public static void Make(Transaction transaction)
    {
        transaction.AddTable("host ports of pods");
        foreach (var set in Sets)
            transaction.AddSet(set);
        foreach (var chain in Chains)
            transaction.AddChain(chain);
        foreach (var rule in Rules)
            transaction.AppendRule(rule);
    }

    private static IEnumerable<Rule> In(IEnumerable<Rule> rules, Chain chain) => rules.Where(rule => rule.Chain == chain.Name);

    private static Expression[] ToNode => [new AddressType(PacketAddress.Destination), new Compare(Comparison.Equal, AddressType.Local)];

    private static Expression[] CountAndMasquerade => [new Counter(), new Masquerade(PortChoice.FullyRandom)];

    private static Expression[] Is(uint value) => [new Compare(Comparison.Equal, ByteString.OfHost(value))];

    /// <summary>127.0.0.0/8 as nft writes it: its one byte.</summary>
    private static Expression[] FirstByte(Payload address, byte value) => [address with { Length = 1 }, new Compare(Comparison.Equal, new ByteString([value]))];

    private sealed record Family(byte Number, TableFamily Nat, string Name, DataType SourceType, DataType DestinationType, Payload Source, Payload Destination)
    {
        public Set Ports { get; } = new($"ports-{Name}", DataType.Concat(DestinationType, TypeOf.TransportProtocol, TypeOf.DestinationPort))
        {
            Data = DataType.Concat(DestinationType, TypeOf.DestinationPort),
            Flags = SetFlags.Interval,
            Counter = true,
        };

        public Set Pods { get; } = new($"pods-{Name}", DataType.Concat(SourceType, DestinationType));

        /// <summary>NFPROTO_* (linux/netfilter.h).</summary>
        public Expression[] Only => [new Meta(MetaKey.NetworkProtocol), new Compare(Comparison.Equal, new ByteString([Number]))];

        public Expression[] Translate =>
        [
            new Meta(MetaKey.TransportProtocol),
            new OneOf(DataType.Protocol, [new ByteString([PortMapping.Tcp]), new ByteString([PortMapping.Udp]), new ByteString([PortMapping.Sctp])]),
            .. Only,
            Destination,
            new Meta(MetaKey.TransportProtocol, Register.R1.Plus(Destination.Length)),
            Payload.DestinationPort with { Destination = Register.R1.Plus(Destination.Length + Word) },
            new Lookup(Ports.Name) { Destination = Register.R1 },
            new DestinationNat(Nat, Register.R1, Register.R1.Plus(Destination.Length)),
        ];

        public Expression[] Hairpin =>
        [
            new Conntrack(ConntrackKey.Status), new Bitwise(ByteString.OfHost(Translated), ByteString.OfHost(0)), new Compare(Comparison.NotEqual, ByteString.OfHost(0)),
            .. Only,
            Source,
            Destination with { Destination = Register.R1.Plus(Source.Length) },
            new Lookup(Pods.Name),
            .. CountAndMasquerade,
        ];
    }
}
