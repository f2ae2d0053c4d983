using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>The way to another node's pods: its pod CIDR by its own address, on a link that both nodes are on.</summary>
/// <param name="Node">Whose pods they are.</param>
public sealed record PodRoute(IPNetwork Destination, IPAddress Gateway, string Node)
{
    /// <summary>In the kernel's protocol field, by which a restarted agent knows its routes again; as free as any number is.</summary>
    public const byte Protocol = 80;

    /// <summary>As <c>ip route</c> takes and shows it.</summary>
    public override string ToString() => $"{AddressText.Of(Destination)} via {AddressText.Of(Gateway)} proto {Protocol}";
}

public static class PodRoutes
{
    /// <summary>
    /// The routes that a node needs, in the order of their destinations. A node without an address of a CIDR's family is left out
    /// until it has one. What lies in a pod CIDR of this node, or in one of an earlier node's, is left out too: two nodes cannot
    /// have the same pods, and a wrong object of one node must not take another's pods away.
    /// </summary>
    public static ImmutableArray<PodRoute> For(ClusterState state, string nodeName)
    {
        var taken = state.Nodes.TryGetValue(nodeName, out var self) ? self.PodCidrs.ToList() : [];
        var routes = new List<PodRoute>();
        foreach (var node in state.Nodes.Values.Where(n => n.Name != nodeName).OrderBy(n => n.Name, StringComparer.Ordinal))
        {
            foreach (var cidr in node.PodCidrs)
            {
                if (taken.Exists(other => Networks.Overlap(other, cidr)))
                    continue;
                taken.Add(cidr);
                if (node.InternalIPs.FirstOrDefault(ip => ip.Family() == cidr.Family()) is { } gateway)
                    routes.Add(new PodRoute(cidr, gateway, node.Name));
            }
        }

        return [.. routes.OrderBy(route => route.Destination, Networks.ByAddress)];
    }

    /// <summary>A line each, for <c>ip route add</c>, and as <c>ip route show</c> prints them but for the device.</summary>
    public static string Print(IEnumerable<PodRoute> routes) => string.Concat(routes.Select(route => $"{route}\n"));
}
