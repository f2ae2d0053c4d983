using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Core.Nftables;

/// <summary>Where clients knock: an address of a Service, or a node port.</summary>
/// <param name="Address">Null for a node port, which is reached by any of the node's addresses.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct FrontendAddress(IPAddress? Address, Protocol Protocol, ushort Port)
{
    public bool IsNodePort => Address is null;
}

/// <summary>An address that clients use, and what becomes of their connections.</summary>
public sealed record Frontend(FrontendAddress At, ServicePortName Owner)
{
    /// <summary>It is the Service's own, and rejects at ports that the Service does not have.</summary>
    public bool IsClusterIP { get; init; }

    /// <summary>Where the address leads; null where it leads nowhere.</summary>
    public ServiceChain? Chain { get; init; }

    /// <summary>In the order of their slots.</summary>
    public ImmutableArray<ServiceEndpoint> Endpoints { get; init; } = [];

    /// <summary>Those on this node, for traffic that must stay there, in the order of their slots.</summary>
    public ImmutableArray<ServiceEndpoint> LocalEndpoints { get; init; } = [];

    /// <summary>What becomes of a packet that was not translated: Forward for nothing.</summary>
    public ServiceVerdict Otherwise { get; init; }

    /// <summary>Who may use it, as ranges of which none is within another; null for everybody.</summary>
    public ImmutableArray<IPNetwork>? AllowedSources { get; init; }

    /// <summary>Remembers where clients are; null without session affinity.</summary>
    public SessionChain? Session { get; init; }

    /// <summary>Whether a client may stay with an endpoint.</summary>
    /// <param name="isLocal">One that must stay on this node.</param>
    public bool KeepsSession(ElementData endpoint, bool isLocal) =>
        Session is not null && (isLocal ? LocalEndpoints : Endpoints).Any(one => ElementData.Of(one) == endpoint);

    public bool Equals(Frontend? other) =>
        other is not null && At == other.At && Owner == other.Owner && Chain == other.Chain && Otherwise == other.Otherwise
        && Session == other.Session && SameAs(Endpoints, other.Endpoints) && SameAs(LocalEndpoints, other.LocalEndpoints)
        && AllowedSources.HasValue == other.AllowedSources.HasValue
        && (AllowedSources is not { } sources || sources.SequenceEqual(other.AllowedSources!.Value));

    public override int GetHashCode() => At.GetHashCode();

    /// <summary>What a ServicePort's addresses are, on a node that is told this.</summary>
    public static IEnumerable<Frontend> Of(ServicePortIntent port, ServiceProxyConfig config)
    {
        yield return ClusterIP(port);
        foreach (var address in port.ExternalIPs.Except(port.LoadBalancerIPs))
            yield return External(port, address, allowed: null);
        var allowed = AllowedFor(port, config);
        foreach (var address in port.LoadBalancerIPs)
            yield return External(port, address, allowed);
        if (port.NodePort != 0)
            yield return External(port, address: null, allowed: null);
    }

    /// <summary>Under it the ServicePort's sessions are kept. No other has it: the API server gives each cluster IP to one Service.</summary>
    private static FrontendAddress Own(ServicePortIntent port) => new(port.ClusterIP, port.Name.Protocol, port.Port);

    private static Frontend ClusterIP(ServicePortIntent port)
    {
        var at = Own(port);
        if (port.InternalVerdict != ServiceVerdict.Forward)
            return new Frontend(at, port.Name) { IsClusterIP = true, Otherwise = port.InternalVerdict };
        var local = port.InternalPolicy == TrafficPolicy.Local;
        return new Frontend(at, port.Name)
        {
            IsClusterIP = true,
            Chain = local
                ? new(ChainRole.LocalClusterIP, 0, port.LocalEndpoints.Length, port.SessionAffinityTimeout is not null, SessionsOf: null)
                : new(ChainRole.ClusterIP, port.ClusterEndpoints.Length, 0, port.SessionAffinityTimeout is not null, SessionsOf: null),
            Endpoints = local ? [] : port.ClusterEndpoints,
            LocalEndpoints = local ? port.LocalEndpoints : [],
            Session = port.SessionAffinityTimeout is { } timeout ? new(timeout, local ? SessionScope.Local : SessionScope.Cluster, Service: null) : null,
        };
    }

    private static Frontend External(ServicePortIntent port, IPAddress? address, ImmutableArray<IPNetwork>? allowed)
    {
        var at = new FrontendAddress(address, port.Name.Protocol, address is null ? port.NodePort : port.Port);
        if (!port.HasEndpoints)
            return new Frontend(at, port.Name) { Otherwise = ServiceVerdict.Reject };
        var local = port.ExternalPolicy == TrafficPolicy.Local;
        var role = (local, at.IsNodePort) switch
        {
            (false, false) => ChainRole.External,
            (false, true) => ChainRole.NodePort,
            (true, false) => ChainRole.LocalExternal,
            (true, true) => ChainRole.LocalNodePort,
        };
        return new Frontend(at, port.Name)
        {
            Chain = new(
                role, port.ClusterEndpoints.Length, local ? port.LocalEndpoints.Length : 0, port.SessionAffinityTimeout is not null,
                port.SessionAffinityTimeout is null ? null : Own(port)),
            Endpoints = port.ClusterEndpoints,
            LocalEndpoints = local ? port.LocalEndpoints : [],
            Otherwise = port.ExternalVerdict,
            AllowedSources = allowed,
            Session = port.SessionAffinityTimeout is { } timeout ? new(timeout, local ? SessionScope.LocalFromOutside : SessionScope.Cluster, Own(port)) : null,
        };
    }

    /// <summary>
    /// Without endpoints nobody is let through anyway. Where the node itself may use the addresses, they may be used as a source,
    /// too: a load balancer often gives its address to the node, whose own packets then come from it.
    /// </summary>
    private static ImmutableArray<IPNetwork>? AllowedFor(ServicePortIntent port, ServiceProxyConfig config)
    {
        if (port.SourceRanges.IsEmpty)
            return null;
        var ranges = port.SourceRanges;
        var family = port.ClusterIP.Family();
        if (config.NodeIP(family) is { } node && ranges.Any(range => range.Contains(node)))
            ranges = [.. ranges, .. port.LoadBalancerIPs.Select(address => new IPNetwork(address, family.Bits()))];
        return [.. ranges.Distinct().Where(range => !ranges.Any(other => Contains(other, range)))];
    }

    /// <summary>The kernel refuses ranges that overlap, and of networks that do, one is within the other.</summary>
    private static bool Contains(IPNetwork outer, IPNetwork inner) =>
        outer.PrefixLength < inner.PrefixLength && outer.Contains(inner.BaseAddress);

    private static bool SameAs(ImmutableArray<ServiceEndpoint> one, ImmutableArray<ServiceEndpoint> other)
    {
        if (one.Length != other.Length)
            return false;
        for (var i = 0; i < one.Length; i++)
        {
            if (one[i].Port != other[i].Port || one[i].IsElsewhere != other[i].IsElsewhere || !one[i].Address.Equals(other[i].Address))
                return false;
        }
        return true;
    }
}
