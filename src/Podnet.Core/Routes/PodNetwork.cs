using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>All that joins a node to the pods of the others.</summary>
/// <param name="Routes">In the order of their destinations, those of the main table first.</param>
/// <param name="Overlay">Null where no other node is reached through VXLAN.</param>
/// <param name="OwnPods">This node's pod CIDRs, where packets from them have routes of their own; else empty.</param>
/// <param name="PodMtu">In bytes: the largest packets of this node's pods that reach every other node in one piece.</param>
public sealed record PodNetwork(ImmutableArray<PodRoute> Routes, VxlanOverlay? Overlay, ImmutableArray<IPNetwork> OwnPods, int PodMtu)
{
    /// <summary>
    /// What a node needs. A peer without an address that can be used is left out until it has one: directly, one of the CIDR's family;
    /// through VXLAN, one that is of a family of this node's. What lies in a pod CIDR of this node, or in one of an earlier node's, is
    /// left out too: two nodes cannot have the same pods, and a wrong object of one node must not take another's pods away.
    /// </summary>
    public static PodNetwork For(ClusterState state, string nodeName, PodNetworkMode mode, Underlay underlay)
    {
        var self = state.Nodes.GetValueOrDefault(nodeName) ?? new Node(nodeName);
        var taken = self.PodCidrs.ToList();
        var routes = new List<PodRoute>();
        var peers = ImmutableArray.CreateBuilder<VxlanPeer>();
        foreach (var node in state.Nodes.Values.Where(n => n.Name != nodeName).OrderBy(n => n.Name, StringComparer.Ordinal))
        {
            var cidrs = node.PodCidrs.Where(cidr => !taken.Exists(other => Networks.Overlap(other, cidr))).ToImmutableArray();
            taken.AddRange(cidrs);
            if (!IsWrapped(node, cidrs, mode, underlay))
                routes.AddRange(Direct(node, cidrs));
            else if (HostOf(node, self) is { } host)
            {
                peers.Add(new VxlanPeer(node.Name, VxlanOverlay.LinkAddressOf(node.Name), host, [.. cidrs.Select(cidr => cidr.BaseAddress)]));
                routes.AddRange(Wrapped(node, cidrs, host));
            }
        }

        var overlay = OverlayTo(peers, self, underlay);
        return new PodNetwork(
            [.. routes.OrderBy(route => route.FromPods).ThenBy(route => route.Destination, Networks.ByAddress)],
            overlay,
            routes.Exists(route => route.FromPods) ? self.PodCidrs : [],
            overlay?.Mtu ?? underlay.Mtu);
    }

    /// <summary>Per node, not per family: one that is on a link of ours with one address only is reached through VXLAN for both.</summary>
    private static bool IsWrapped(Node node, ImmutableArray<IPNetwork> cidrs, PodNetworkMode mode, Underlay underlay) => mode switch
    {
        PodNetworkMode.Direct => false,
        PodNetworkMode.Vxlan => !cidrs.IsEmpty,
        _ => cidrs.Any(cidr => AddressOf(node, cidr.Family()) is not { } address || !underlay.IsOnLink(address)),
    };

    private static IEnumerable<PodRoute> Direct(Node node, ImmutableArray<IPNetwork> cidrs) =>
        from cidr in cidrs
        let gateway = AddressOf(node, cidr.Family())
        where gateway is not null
        select new PodRoute(cidr, gateway, node.Name);

    private static IEnumerable<PodRoute> Wrapped(Node node, ImmutableArray<IPNetwork> cidrs, IPAddress host)
    {
        foreach (var cidr in cidrs)
        {
            yield return new PodRoute(cidr, cidr.BaseAddress, node.Name) { VxlanHost = host };
            foreach (var address in node.InternalIPs.Where(address => address.Family() == cidr.Family()).Distinct())
                yield return new PodRoute(new IPNetwork(address, address.Family().Bits()), cidr.BaseAddress, node.Name) { VxlanHost = host, FromPods = true };
        }
    }

    private static VxlanOverlay? OverlayTo(ImmutableArray<VxlanPeer>.Builder peers, Node self, Underlay underlay)
    {
        if (peers.Count == 0)
            return null;
        // One MTU for the device, so that of the larger headers.
        var widest = peers.Max(peer => peer.Host.Family());
        return new VxlanOverlay(
            VxlanOverlay.LinkAddressOf(self.Name), self.InternalIPs[0], VxlanOverlay.MtuWithin(underlay.Mtu, widest), peers.ToImmutable());
    }

    /// <summary>Of this node's first family where it has one, else of the other: both ends choose alike, though nothing depends on it.</summary>
    private static IPAddress? HostOf(Node node, Node self) =>
        self.InternalIPs.Select(own => AddressOf(node, own.Family())).FirstOrDefault(address => address is not null);

    private static IPAddress? AddressOf(Node node, IPFamily family) => node.InternalIPs.FirstOrDefault(ip => ip.Family() == family);

    /// <summary>A line each, for <c>ip route add</c>.</summary>
    public static string Print(IEnumerable<PodRoute> routes) => string.Concat(routes.Select(route => $"{route}\n"));
}
