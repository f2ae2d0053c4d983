using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Model;

public sealed record Node(string Name)
{
    /// <summary>status.addresses of type InternalIP; the first of a family is the node's own in that family.</summary>
    public ImmutableArray<IPAddress> InternalIPs { get; init; } = [];

    /// <summary>spec.podCIDRs.</summary>
    public ImmutableArray<IPNetwork> PodCidrs { get; init; } = [];

    /// <summary>The label topology.kubernetes.io/zone; null without one.</summary>
    public string? Zone { get; init; }

    /// <summary>
    /// Deletion has begun, or the taint ToBeDeletedByClusterAutoscaler is there: health checks fail so that load balancers drain it.
    /// </summary>
    public bool Leaving { get; init; }
}
