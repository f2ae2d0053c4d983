using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>What becomes of a new connection to one of a ServicePort's addresses.</summary>
public enum ServiceVerdict
{
    /// <summary>It goes to an endpoint.</summary>
    Forward,

    /// <summary>Nobody serves it anywhere: the client is told at once.</summary>
    Reject,

    /// <summary>Policy Local, and only other nodes serve it: silence, so that a load balancer tries another node.</summary>
    Drop,
}

/// <summary>What this node has to do for one ServicePort in one IP family, whatever backend does it.</summary>
public sealed record ServicePortIntent(ServicePortName Name, IPAddress ClusterIP, ushort Port)
{
    /// <summary>0 where there is none.</summary>
    public ushort NodePort { get; init; }

    public ImmutableArray<IPAddress> ExternalIPs { get; init; } = [];

    public ImmutableArray<IPAddress> LoadBalancerIPs { get; init; } = [];

    /// <summary>Who may use the load balancer IPs; empty means everybody. Node ports are not filtered by it.</summary>
    public ImmutableArray<IPNetwork> SourceRanges { get; init; } = [];

    /// <summary>Where pods' and nodes' traffic to the cluster IP goes.</summary>
    public TrafficPolicy InternalPolicy { get; init; }

    /// <summary>Where traffic to external IPs, load balancer IPs and node ports goes.</summary>
    public TrafficPolicy ExternalPolicy { get; init; }

    /// <summary>A client stays with its endpoint for so long after its last connection; null for no affinity.</summary>
    public TimeSpan? SessionAffinityTimeout { get; init; }

    /// <summary>0 where there is none.</summary>
    public ushort HealthCheckNodePort { get; init; }

    /// <summary>For policy Cluster, sorted by text; empty where no traffic of this ServicePort ever follows that policy.</summary>
    public ImmutableArray<ServiceEndpoint> ClusterEndpoints { get; init; } = [];

    /// <summary>For policy Local, sorted by text; empty where no traffic of this ServicePort ever follows that policy.</summary>
    public ImmutableArray<ServiceEndpoint> LocalEndpoints { get; init; } = [];

    /// <summary>The union of both, sorted by text.</summary>
    public ImmutableArray<ServiceEndpoint> ReachableEndpoints { get; init; } = [];

    /// <summary>Something serves it, here or on another node.</summary>
    public bool HasEndpoints { get; init; }

    public bool IsExternallyAccessible => NodePort != 0 || !ExternalIPs.IsEmpty || !LoadBalancerIPs.IsEmpty;

    public ServiceVerdict InternalVerdict => VerdictFor(InternalPolicy);

    /// <summary>
    /// For traffic from outside. A Drop spares pods and the node itself: for them it goes to the cluster's endpoints.
    /// </summary>
    public ServiceVerdict ExternalVerdict => VerdictFor(ExternalPolicy);

    private ServiceVerdict VerdictFor(TrafficPolicy policy)
    {
        if (!HasEndpoints)
            return ServiceVerdict.Reject;
        return policy == TrafficPolicy.Local && LocalEndpoints.IsEmpty ? ServiceVerdict.Drop : ServiceVerdict.Forward;
    }
}

/// <summary>What answers on a healthCheckNodePort: whether this node has somewhere to send a load balancer's traffic.</summary>
/// <param name="LocalReadyEndpoints">Distinct addresses, over all ports of the Service.</param>
public sealed record ServiceHealthCheck(ObjectName Service, ushort Port, int LocalReadyEndpoints);

/// <summary>All that one node does for Services in one IP family.</summary>
/// <param name="Ports">Sorted by name.</param>
/// <param name="EndpointCount">Of all ServicePorts, ready or not: how large the cluster is.</param>
public sealed record ServiceIntent(
    IPFamily Family,
    ImmutableArray<ServicePortIntent> Ports,
    ImmutableArray<ServiceHealthCheck> HealthChecks,
    int EndpointCount)
{
    public static ServiceIntent Empty(IPFamily family) => new(family, [], [], 0);
}
