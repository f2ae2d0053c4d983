using System.Net;

namespace Podnet.Netlink;

/// <summary>
/// What a route's packets are wrapped in, for a tunnel device that takes that from the route (a lightweight tunnel,
/// CONFIG_LWTUNNEL; of VXLAN since Linux 4.3): to which host, under which number.
/// </summary>
/// <param name="Id">A VXLAN's network identifier, 24 bits.</param>
/// <param name="Destination">IPv4 or IPv6, whichever family the route itself is of.</param>
public sealed record Encapsulation(ulong Id, IPAddress Destination)
{
    /// <summary>A UDP checksum over all of it. IPv6 hosts drop what has none (RFC 8200, 8.1); over IPv4 it is the inner packet's alone.</summary>
    public bool Checksum { get; init; } = Destination.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
}
