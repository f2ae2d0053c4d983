using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>
/// Whether a new version of an object is, to a node's network, what the old one was: most changes are not (a node's heartbeat, a
/// pod's annotation), and must not cost anything.
/// </summary>
internal static class Unchanged
{
    public static bool Is(Node a, Node b) =>
        a with { InternalIPs = b.InternalIPs, PodCidrs = b.PodCidrs } == b
        && a.InternalIPs.SequenceEqual(b.InternalIPs) && a.PodCidrs.SequenceEqual(b.PodCidrs);

    public static bool Is(Service a, Service b) =>
        a with
        {
            ClusterIPs = b.ClusterIPs,
            Ports = b.Ports,
            ExternalIPs = b.ExternalIPs,
            LoadBalancerIPs = b.LoadBalancerIPs,
            LoadBalancerSourceRanges = b.LoadBalancerSourceRanges,
        } == b
        && a.ClusterIPs.SequenceEqual(b.ClusterIPs) && a.Ports.SequenceEqual(b.Ports) && a.ExternalIPs.SequenceEqual(b.ExternalIPs)
        && a.LoadBalancerIPs.SequenceEqual(b.LoadBalancerIPs)
        && a.LoadBalancerSourceRanges.SequenceEqual(b.LoadBalancerSourceRanges);

    public static bool Is(EndpointSlice a, EndpointSlice b) =>
        a with { Endpoints = b.Endpoints, Ports = b.Ports } == b
        && a.Ports.SequenceEqual(b.Ports)
        && a.Endpoints.Length == b.Endpoints.Length
        && a.Endpoints.Zip(b.Endpoints).All(pair => Is(pair.First, pair.Second));

    private static bool Is(Endpoint a, Endpoint b) =>
        a with { ZoneHints = b.ZoneHints, NodeHints = b.NodeHints } == b
        && a.ZoneHints.SequenceEqual(b.ZoneHints) && a.NodeHints.SequenceEqual(b.NodeHints);
}
