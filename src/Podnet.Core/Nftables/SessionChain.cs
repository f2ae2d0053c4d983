using System.Globalization;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Nftables;

/// <summary>Whose sessions may be with endpoints of other nodes.</summary>
public enum SessionScope
{
    /// <summary>Everybody's.</summary>
    Cluster,

    /// <summary>Nobody's: internalTrafficPolicy Local.</summary>
    Local,

    /// <summary>Those of pods and of the node itself: externalTrafficPolicy Local binds the others.</summary>
    LocalFromOutside,
}

/// <summary>
/// Names a chain that remembers which endpoint a client was translated to. A ServicePort's sessions are kept under its cluster IP, whichever of its
/// addresses clients use: the cluster IPs themselves share a chain for each timeout, and each of the few ServicePorts with session affinity and
/// other addresses has one of its own, since only rules can say which addresses belong together.
/// </summary>
/// <param name="Service">The cluster IP; null for a chain of cluster IPs themselves.</param>
/// <remarks>
/// It runs when the packet leaves the node, or has arrived: the endpoint is then the packet's own destination, and the address that the client
/// asked for is known to conntrack. In the nat chain itself the endpoint is in a register only; nft 1.0.6 aborts when it is to show a rule that writes a
/// map's answer into a map, as it would be, too, if a map said under which cluster IP an address's sessions are.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SessionChain(TimeSpan Timeout, SessionScope Scope, FrontendAddress? Service)
{
    public string Name
    {
        get
        {
            var scope = Scope switch
            {
                SessionScope.Cluster => "",
                SessionScope.Local => "local-",
                _ => "local-external-",
            };
            return string.Create(CultureInfo.InvariantCulture, $"remember-{scope}{(long)Timeout.TotalSeconds}s{Suffix(Service)}");
        }
    }

    /// <summary>The chain for those that it does not bind, which exists while it does; null where it treats all the same.</summary>
    public SessionChain? ForUnbound => Scope == SessionScope.LocalFromOutside ? this with { Scope = SessionScope.Cluster } : null;

    /// <summary>The end of the name of a chain that one ServicePort has for itself. In nft's names there are no colons.</summary>
    internal static string Suffix(FrontendAddress? service) => service is { Address: { } address } at
        ? string.Create(CultureInfo.InvariantCulture, $"-{AddressText.Of(address).Replace(':', '-')}-{NftText.Word(at.Protocol)}-{at.Port}")
        : "";

    /// <summary>
    /// Sessions of clients that must stay on this node are kept apart: the same client may be at another node's endpoint by an address that
    /// does not bind it, and there its packets would now go without masquerade, and the replies not come back this way.
    /// </summary>
    internal static ServiceSet MapOf(bool isLocal) => isLocal ? ServiceSet.LocalSessions : ServiceSet.Sessions;

    internal TableChain Rules(IPFamily family, ServiceProxyConfig config)
    {
        var remember = new TableRule([new Remember(MapOf(Scope != SessionScope.Cluster), Service, Timeout)]);
        if (ForUnbound is not { } unbound)
            return new TableChain(Name, [remember]);
        var node = new TableRule([new FromNode(), new Goto(unbound.Name)]);
        return new TableChain(
            Name, FixedChains.FromPod(config, family, inverted: false) is { } fromPod ? [new([fromPod, new Goto(unbound.Name)]), node, remember] : [node, remember]);
    }
}
