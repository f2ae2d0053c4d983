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

    /// <summary>The elements of a frontend that are its alone.</summary>
    public static IEnumerable<TableElement> Of(Frontend frontend)
    {
        var (at, comment) = (frontend.At, CommentOf(frontend.Owner));
        if (frontend.Chain is { } chain)
        {
            yield return new(ElementKey.Of(at.IsNodePort ? ServiceSet.NodePorts : ServiceSet.Services, at), new(chain.Name, default), comment);
            var (all, local) = at.IsNodePort
                ? (ServiceSet.NodePortEndpoints, ServiceSet.LocalNodePortEndpoints)
                : (ServiceSet.Endpoints, ServiceSet.LocalEndpoints);
            for (var i = 0; i < frontend.Endpoints.Length; i++)
                yield return new(ElementKey.Of(all, at, i), ElementData.Of(frontend.Endpoints[i]));
            for (var i = 0; i < frontend.LocalEndpoints.Length; i++)
                yield return new(ElementKey.Of(local, at, i), ElementData.Of(frontend.LocalEndpoints[i]));
            if (frontend.Session is { } session)
                yield return new(
                    ElementKey.Of(at.IsNodePort ? ServiceSet.SessionNodePorts : ServiceSet.SessionServices, at), new(SessionChain.NameOf(session), default));
        }
        if (frontend.Otherwise != ServiceVerdict.Forward)
        {
            var verdict = frontend.Otherwise == ServiceVerdict.Reject ? FixedChains.Rejecting : null;
            yield return new(
                ElementKey.Of(at.IsNodePort ? ServiceSet.NoEndpointNodePorts : ServiceSet.NoEndpoints, at), new(verdict, default), comment);
        }
        if (frontend.AllowedSources is not { } sources)
            yield break;
        yield return new(ElementKey.Of(ServiceSet.Firewalled, at), default, comment);
        foreach (var source in sources)
            yield return new(ElementKey.Of(ServiceSet.AllowedSources, at) with { Network = source }, default);
    }

    internal static TableElement ClusterIP(IPAddress address) => new(new ElementKey(ServiceSet.ClusterIPs) { Address = address }, default);

    internal static TableElement Hairpin(IPAddress address) => new(new ElementKey(ServiceSet.Hairpin) { Address = address }, default);

    /// <summary>What its elements say whose they are.</summary>
    internal static string CommentOf(ServicePortName owner)
    {
        var text = owner.ToString();
        return text.Length <= LongestComment ? text : text[..LongestComment];
    }
}
