using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Core.Nftables;

/// <summary>The key of an element. Which parts count is said by the set's definition; the others stay empty.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ElementKey(ServiceSet Set)
{
    /// <summary>The destination address; of <see cref="ServiceSet.Hairpin"/> the source, too.</summary>
    public IPAddress? Address { get; init; }

    public Protocol Protocol { get; init; }

    public ushort Port { get; init; }

    public int Slot { get; init; }

    /// <summary>A source address, or for a set of intervals the network of them; of <see cref="ServiceSet.ServiceCidrs"/> the destinations.</summary>
    public IPNetwork? Network { get; init; }

    internal static ElementKey Of(ServiceSet set, FrontendAddress at, int slot = 0) =>
        new(set) { Address = at.Address, Protocol = at.Protocol, Port = at.Port, Slot = slot };
}

/// <summary>What a map says for a key; empty for a set.</summary>
/// <param name="Chain">Of a verdict: goto this chain; null for drop.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ElementData(string? Chain, FrontendAddress Value)
{
    /// <summary>An endpoint. Its protocol is the key's.</summary>
    internal static ElementData Of(ServiceEndpoint endpoint) => new(null, new(endpoint.Address, default, endpoint.Port));
}

/// <param name="Comment">Whose it is; null where the key says it.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TableElement(ElementKey Key, ElementData Data, string? Comment = null)
{
    /// <summary>What nft shows of a comment at most, in bytes (NFTNL_UDATA_COMMENT_MAXLEN with its NUL is 128); names are ASCII.</summary>
    private const int LongestComment = 127;

    private static readonly ImmutableArray<ServiceSet> OfAddresses =
    [
        ServiceSet.Services, ServiceSet.Endpoints, ServiceSet.LocalEndpoints, ServiceSet.SessionServices, ServiceSet.NoEndpoints,
        ServiceSet.Firewalled, ServiceSet.AllowedSources,
    ];

    private static readonly ImmutableArray<ServiceSet> OfNodePorts =
    [
        ServiceSet.NodePorts, ServiceSet.NodePortEndpoints, ServiceSet.LocalNodePortEndpoints, ServiceSet.SessionNodePorts,
        ServiceSet.NoEndpointNodePorts,
    ];

    /// <summary>The elements of a frontend that are its alone.</summary>
    public static IEnumerable<TableElement> Of(Frontend frontend) =>
        (frontend.At.IsNodePort ? OfNodePorts : OfAddresses).SelectMany(set => Of(frontend, set));

    /// <summary>Those of them in one set.</summary>
    public static IEnumerable<TableElement> Of(Frontend frontend, ServiceSet set)
    {
        var at = frontend.At;
        if (at.IsNodePort == OfAddresses.Contains(set))
            return [];
        return set switch
        {
            ServiceSet.Services or ServiceSet.NodePorts => frontend.Chain is { } chain
                ? [new(ElementKey.Of(set, at), new(chain.Name, default), CommentOf(frontend.Owner))]
                : [],
            ServiceSet.Endpoints or ServiceSet.NodePortEndpoints => Slots(set, at, frontend.Endpoints),
            ServiceSet.LocalEndpoints or ServiceSet.LocalNodePortEndpoints => Slots(set, at, frontend.LocalEndpoints),
            ServiceSet.SessionServices or ServiceSet.SessionNodePorts => frontend.Session is { } session
                ? [new(ElementKey.Of(set, at), new(session.Name, default))]
                : [],
            ServiceSet.NoEndpoints or ServiceSet.NoEndpointNodePorts => frontend.Otherwise switch
            {
                ServiceVerdict.Reject => [new(ElementKey.Of(set, at), new(FixedChains.Rejecting, default), CommentOf(frontend.Owner))],
                ServiceVerdict.Drop => [new(ElementKey.Of(set, at), default, CommentOf(frontend.Owner))],
                _ => [],
            },
            ServiceSet.Firewalled => frontend.AllowedSources is null ? [] : [new(ElementKey.Of(set, at), default, CommentOf(frontend.Owner))],
            ServiceSet.AllowedSources =>
                (frontend.AllowedSources ?? []).Select(source => new TableElement(ElementKey.Of(set, at) with { Network = source }, default)),
            _ => [],
        };
    }

    internal static TableElement ClusterIP(IPAddress address) => new(new ElementKey(ServiceSet.ClusterIPs) { Address = address }, default);

    internal static TableElement Hairpin(IPAddress address) => new(new ElementKey(ServiceSet.Hairpin) { Address = address }, default);

    private static IEnumerable<TableElement> Slots(ServiceSet set, FrontendAddress at, ImmutableArray<ServiceEndpoint> endpoints)
    {
        for (var slot = 0; slot < endpoints.Length; slot++)
            yield return new(ElementKey.Of(set, at, slot), ElementData.Of(endpoints[slot]));
    }

    /// <summary>What its elements say whose they are.</summary>
    internal static string CommentOf(ServicePortName owner)
    {
        var text = owner.ToString();
        return text.Length <= LongestComment ? text : text[..LongestComment];
    }
}
