using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Model;

/// <summary>Transport protocols that a Service can have, with their IP protocol numbers (IANA).</summary>
public enum Protocol : byte
{
    Tcp = 6,
    Udp = 17,
    Sctp = 132,
}

public enum ServiceType
{
    ClusterIP,
    NodePort,
    LoadBalancer,
}

/// <summary>internalTrafficPolicy and externalTrafficPolicy.</summary>
public enum TrafficPolicy
{
    Cluster,
    Local,
}

/// <summary>
/// A Service that a proxy acts on: headless and ExternalName ones, and those of another proxy
/// (service.kubernetes.io/service-proxy-name), never become one.
/// </summary>
public sealed record Service(ObjectName Name)
{
    public ServiceType Type { get; init; }

    /// <summary>One of each of its families, the primary first.</summary>
    public ImmutableArray<IPAddress> ClusterIPs { get; init; } = [];

    public ImmutableArray<ServicePort> Ports { get; init; } = [];

    public ImmutableArray<IPAddress> ExternalIPs { get; init; } = [];

    /// <summary>status.loadBalancer.ingress addresses whose ipMode is VIP (the default); ipMode Proxy ones are not ours to catch.</summary>
    public ImmutableArray<IPAddress> LoadBalancerIPs { get; init; } = [];

    /// <summary>Empty means from anywhere.</summary>
    public ImmutableArray<IPNetwork> LoadBalancerSourceRanges { get; init; } = [];

    public TrafficPolicy InternalTrafficPolicy { get; init; }

    public TrafficPolicy ExternalTrafficPolicy { get; init; }

    /// <summary>sessionAffinity ClientIP for so long; null is None.</summary>
    public TimeSpan? SessionAffinityTimeout { get; init; }

    /// <summary>0 where there is none.</summary>
    public ushort HealthCheckNodePort { get; init; }

    // No publishNotReadyAddresses: who writes the EndpointSlices has put it into their ready condition already, and a
    // proxy follows that condition alone.
}

/// <param name="Name">Empty for the only, unnamed port.</param>
/// <param name="NodePort">0 where there is none.</param>
public sealed record ServicePort(string Name, Protocol Protocol, ushort Port, ushort NodePort);
