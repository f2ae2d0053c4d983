using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Netlink.Nftables;

namespace Podnet.Cni.Wiring;

/// <summary>
/// Drops, and counts, what a pod sends from an address that is not its own. The tables hold no pod: a source is right where the
/// node's route to it leads out of the link that the packet came in by, and those are the routes that ADD made. So there is
/// nothing to add for a pod, and nothing left of it when its link goes.
/// <code>
/// table inet podnet-pods {
///     chain prerouting {
///         type filter hook prerouting priority raw; policy accept;
///         iifgroup != 80 accept
///         fib saddr . iif oif missing counter drop
///         icmpv6 type { nd-router-advert, nd-neighbor-advert, nd-redirect } counter drop
///     }
/// }
/// table arp podnet-pods {
///     chain input {
///         type filter hook input priority filter; policy accept;
///         iifgroup 80 counter drop
///     }
/// }
/// </code>
/// A pod needs neither ARP nor neighbour advertisements: both ends know each other by permanent entries, and an answer from a pod
/// could only be a lie or say what is known.
/// </summary>
/// <remarks>Needs nft_fib_inet (Linux 4.10).</remarks>
internal static class SourceGuard
{
    private const string Name = "podnet-pods";
    private const string Prerouting = "prerouting";
    private const string Input = "input";

    // linux/netfilter.h NFPROTO_IPV6; linux/in6.h IPPROTO_ICMPV6; RFC 4861, 4.2, 4.4, 4.5; nft's number of the type icmpv6_type
    private const byte IPv6 = 10;
    private const byte IcmpV6 = 58;
    private const byte RouterAdvertisement = 134;
    private const byte NeighbourAdvertisement = 136;
    private const byte Redirect = 137;
    private static readonly DataType IcmpV6Type = new(29, 1);

    /// <summary>Tries to get a table in between those of others: arbitrary.</summary>
    private const int Tries = 20;

    private static readonly Guard[] Guards =
    [
        new(
            new TableName(TableFamily.Inet, Name),
            new Chain(Prerouting) { Hook = new ChainHook(ChainType.Filter, Hook.Prerouting, ChainPriority.Raw) },
            [
                new Rule(Prerouting, [new Meta(MetaKey.InputGroup), new Compare(Comparison.NotEqual, ByteString.OfHost(Link.PodGroup)), new Verdict(VerdictCode.Accept)]),
                new Rule(Prerouting, [new ReversePath(), new Compare(Comparison.Equal, ReversePath.Missing), new Counter(), new Verdict(VerdictCode.Drop)]),
                new Rule(
                    Prerouting,
                    [
                        new Meta(MetaKey.NetworkProtocol), new Compare(Comparison.Equal, new ByteString([IPv6])),
                        new Meta(MetaKey.TransportProtocol), new Compare(Comparison.Equal, new ByteString([IcmpV6])),
                        new Payload(PacketHeader.Transport, 0, 1),
                        new OneOf(IcmpV6Type, [new ByteString([RouterAdvertisement]), new ByteString([NeighbourAdvertisement]), new ByteString([Redirect])]),
                        new Counter(), new Verdict(VerdictCode.Drop),
                    ]),
            ]),
        new(
            new TableName(TableFamily.Arp, Name),
            // NF_ARP_IN (linux/netfilter_arp.h) is 0, which is another hook's number in the other families.
            new Chain(Input) { Hook = new ChainHook(ChainType.Filter, (Hook)0, ChainPriority.Filter) },
            [new Rule(Input, [new Meta(MetaKey.InputGroup), new Compare(Comparison.Equal, ByteString.OfHost(Link.PodGroup)), new Counter(), new Verdict(VerdictCode.Drop)])]),
    ];

    /// <summary>Makes the tables that are not there. Others may do the same at the same time.</summary>
    public static void Ensure()
    {
        using var socket = new NftablesSocket();
        foreach (var guard in Guards)
        {
            for (var attempt = 1; !socket.HasTable(guard.Table); attempt++)
            {
                try
                {
                    Make(socket, guard);
                    break;
                }
                catch (KernelException e) when (e.Errno == Errno.Restart && attempt < Tries)
                {
                    // Somebody changed the ruleset since it was looked at: perhaps by making this table.
                }
            }
        }
    }

    /// <summary>What is not as <see cref="Ensure"/> makes it.</summary>
    public static IEnumerable<string> Faults()
    {
        using var socket = new NftablesSocket();
        foreach (var guard in Guards)
        {
            if (socket.Read(guard.Table) is not { } content)
                yield return $"table {guard.Table} is not there: nothing keeps pods from sending from others' addresses";
            else if (content.Chains is not [var chain] || chain != guard.Chain || !SameRules(content.Rules, guard.Rules))
                yield return $"table {guard.Table} is not as it was made: delete it, and the next ADD makes it anew";
        }
    }

    private static void Make(NftablesSocket socket, Guard guard)
    {
        var generation = socket.Generation();
        if (socket.HasTable(guard.Table))
            return;
        var transaction = new Transaction(guard.Table, generation).AddTable().AddChain(guard.Chain);
        foreach (var rule in guard.Rules)
            transaction.AppendRule(rule);
        socket.Commit(transaction);
    }

    private static bool SameRules(IReadOnlyList<Rule> have, Rule[] wanted) =>
        have.Count == wanted.Length && have.Zip(wanted).All(pair => pair.First.IsSameAs(pair.Second));

    private sealed record Guard(TableName Table, Chain Chain, Rule[] Rules);
}
