using System.Collections.Immutable;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>Which endpoints traffic of either policy may go to, as kube-proxy decides it (pkg/proxy/topology.go).</summary>
internal static class EndpointChoice
{
    /// <summary>
    /// Policy Cluster: the ready ones that topology hints leave over; if none is ready anywhere, those that still serve while
    /// terminating.
    /// </summary>
    public static ImmutableArray<ServiceEndpoint> ForCluster(ImmutableArray<ServiceEndpoint> all, Node node)
    {
        var ready = all.All(e => e.Ready) ? all : [.. all.Where(e => e.Ready)];
        return ready.IsEmpty ? [.. all.Where(e => e.ServesWhileTerminating)] : Nearest(ready, node);
    }

    /// <summary>Policy Local: the same on this node alone, where hints have no say.</summary>
    public static ImmutableArray<ServiceEndpoint> ForLocal(ImmutableArray<ServiceEndpoint> all)
    {
        ImmutableArray<ServiceEndpoint> ready = [.. all.Where(e => e.IsLocal && e.Ready)];
        return ready.IsEmpty ? [.. all.Where(e => e.IsLocal && e.ServesWhileTerminating)] : ready;
    }

    /// <summary>
    /// Hints count only if every ready endpoint carries them and one is meant for this node, else its zone: a single endpoint
    /// without a hint means that whoever writes hints is not done.
    /// </summary>
    private static ImmutableArray<ServiceEndpoint> Nearest(ImmutableArray<ServiceEndpoint> ready, Node node)
    {
        if (ready.All(e => !e.NodeHints.IsEmpty))
        {
            ImmutableArray<ServiceEndpoint> here = [.. ready.Where(e => e.NodeHints.Contains(node.Name, StringComparer.Ordinal))];
            if (!here.IsEmpty)
                return here;
        }

        if (node.Zone is { } zone && ready.All(e => !e.ZoneHints.IsEmpty))
        {
            ImmutableArray<ServiceEndpoint> near = [.. ready.Where(e => e.ZoneHints.Contains(zone, StringComparer.Ordinal))];
            if (!near.IsEmpty)
                return near;
        }

        return ready;
    }
}
