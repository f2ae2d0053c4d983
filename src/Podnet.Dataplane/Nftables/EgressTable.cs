using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>The masquerade of pods' traffic to beyond the cluster as nf_tables objects; <see cref="EgressMasquerade.Print"/> says the same in text.</summary>
internal static class EgressTable
{
    internal static readonly Chain Chain = new(EgressMasquerade.ChainName)
    {
        Hook = new ChainHook(ChainType.Nat, Hook.Postrouting, ChainPriority.SourceNat),
    };

    internal static readonly string[] SetNames =
        [EgressMasquerade.OwnPodsSet, EgressMasquerade.ClusterPodsSet, EgressMasquerade.NodeIPsSet, EgressMasquerade.NotMasqueradedSet];

    internal static TableName NameIn(IPFamily family) =>
        new(family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, EgressMasquerade.TableName);

    internal static List<(Set Set, HashSet<Element> Elements)> Sets(EgressMasquerade intent)
    {
        var key = intent.Family == IPFamily.V4 ? DataType.IPv4Address : DataType.IPv6Address;
        return
        [
            (new Set(EgressMasquerade.OwnPodsSet, key) { Flags = SetFlags.Interval, Comment = EgressMasquerade.OwnPodsComment },
                [.. intent.OwnPods.Select(Element.Of)]),
            (new Set(EgressMasquerade.ClusterPodsSet, key) { Flags = SetFlags.Interval, Comment = EgressMasquerade.ClusterPodsComment },
                [.. intent.ClusterPods.Select(Element.Of)]),
            (new Set(EgressMasquerade.NodeIPsSet, key) { Comment = EgressMasquerade.NodeIPsComment },
                [.. intent.NodeIPs.Select(Element.Of)]),
            (new Set(EgressMasquerade.NotMasqueradedSet, key) { Flags = SetFlags.Interval, Comment = EgressMasquerade.NotMasqueradedComment },
                [.. intent.NotMasqueraded.Select(Element.Of)]),
        ];
    }

    internal static Rule Rule(IPFamily family)
    {
        var (source, destination) = family == IPFamily.V4
            ? (Payload.SourceIPv4, Payload.DestinationIPv4)
            : (Payload.SourceIPv6, Payload.DestinationIPv6);
        return new Rule(EgressMasquerade.ChainName,
        [
            source,
            new Lookup(EgressMasquerade.OwnPodsSet),
            destination,
            new Lookup(EgressMasquerade.ClusterPodsSet, Inverted: true),
            destination,
            new Lookup(EgressMasquerade.NodeIPsSet, Inverted: true),
            destination,
            new Lookup(EgressMasquerade.NotMasqueradedSet, Inverted: true),
            new Counter(),
            new Masquerade(PortChoice.FullyRandom),
        ])
        { Comment = EgressMasquerade.RuleComment };
    }
}
