using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>What the fast path of established connections must know of a node's network, beside what the kernel knows.</summary>
/// <param name="NodeIPs">Other nodes' packets come in by the links that have these.</param>
/// <param name="Tunnel">What this node wraps with and unwraps; null where no peer is reached through VXLAN over IPv4.</param>
public sealed record FastPathNetwork(ImmutableArray<IPAddress> NodeIPs, FastPathTunnel? Tunnel)
{
    /// <summary>Over IPv6, VXLAN's outer UDP must have a checksum (RFC 8200, 8.1), which is left to the kernel's own device.</summary>
    public static FastPathNetwork For(ClusterState state, string nodeName, PodNetwork network)
    {
        var own = state.Nodes.TryGetValue(nodeName, out var node) ? node.InternalIPs : [];
        if (network.Overlay is not { } overlay || own.FirstOrDefault(address => address.Family() == IPFamily.V4) is not { } local)
            return new FastPathNetwork(own, null);
        var links = overlay.Peers.ToDictionary(peer => peer.Node, peer => peer.LinkAddress);
        var peers = network.Routes
            .Where(route => route.VxlanHost?.Family() == IPFamily.V4)
            .Select(route => new FastPathPeer(route.Destination, route.VxlanHost!, links[route.Node]));
        return new FastPathNetwork(own, new FastPathTunnel(local, overlay.LinkAddress, [.. peers.DistinctBy(peer => peer.Destination)]));
    }
}

/// <param name="Local">This node's address in the underlay.</param>
/// <param name="LinkAddress">This node's on the VXLAN device.</param>
public sealed record FastPathTunnel(IPAddress Local, string LinkAddress, ImmutableArray<FastPathPeer> Peers);

/// <param name="Destination">A pod CIDR, or an address, of a node behind VXLAN.</param>
/// <param name="Host">That node's address in the underlay.</param>
/// <param name="LinkAddress">That node's on the VXLAN device.</param>
public sealed record FastPathPeer(IPNetwork Destination, IPAddress Host, string LinkAddress);
