using System.Net;

namespace Podnet.Netlink;

/// <summary>Which link-layer address an IP address on a link has: an entry of the ARP or neighbour discovery table.</summary>
/// <param name="Device">The interface's index.</param>
/// <param name="LinkAddress">Null while it is not known.</param>
public sealed record Neighbour(int Device, IPAddress Ip, MacAddress? LinkAddress)
{
    public NeighbourState State { get; init; } = NeighbourState.Permanent;
}

/// <summary>NUD_* (linux/neighbour.h).</summary>
[Flags]
public enum NeighbourState : ushort
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,

    /// <summary>Never asked for and never forgotten.</summary>
    Permanent = 0x80,
}
