using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>The way to another node's pods: its pod CIDR by its own address, on a link that both nodes are on, or through VXLAN.</summary>
/// <param name="Gateway">The node's address; through VXLAN, what the node is named by on the device.</param>
/// <param name="Node">Whose pods they are.</param>
public sealed record PodRoute(IPNetwork Destination, IPAddress Gateway, string Node)
{
    /// <summary>In the kernel's protocol field, by which a restarted agent knows its routes again; as free as any number is.</summary>
    public const byte Protocol = 80;

    /// <summary>
    /// Of the routes that only packets from this node's pods take: those to the addresses of nodes behind VXLAN. Such a packet would
    /// otherwise leave as it is, from an address that the network between the nodes does not know, which many drop.
    /// </summary>
    public const byte FromPodsTable = 80;

    /// <summary>Of the rule that sends them there: arbitrary, before the main table's 32766.</summary>
    public const uint FromPodsPriority = 8000;

    /// <summary>The host that the packets are wrapped for; null where they go as they are.</summary>
    public IPAddress? VxlanHost { get; init; }

    /// <summary>In <see cref="FromPodsTable"/>, not in the main one.</summary>
    public bool FromPods { get; init; }

    /// <summary>As <c>ip route</c> takes it.</summary>
    public override string ToString()
    {
        var (destination, gateway) = (AddressText.Of(Destination), AddressText.Of(Gateway));
        if (VxlanHost is not { } host)
            return $"{destination} via {gateway} proto {Protocol}";
        var encap = host.Family() == IPFamily.V4 ? "ip" : "ip6";
        var checksum = host.Family() == IPFamily.V4 ? "" : " csum"; // RFC 8200, 8.1
        return $"{destination} encap {encap} id {VxlanOverlay.Id} dst {AddressText.Of(host)}{checksum} via {gateway} dev {VxlanOverlay.DeviceName} onlink proto {Protocol}"
            + (FromPods ? $" table {FromPodsTable}" : "");
    }
}
