using System.Net;
using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>One direction of a connection as conntrack keys it.</summary>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP, 1 ICMP, 58 ICMPv6.</param>
/// <param name="SourcePort">0 for a protocol without ports.</param>
public sealed record FlowTuple(byte Protocol, IPAddress Source, IPAddress Destination, ushort SourcePort = 0, ushort DestinationPort = 0)
{
    /// <summary>Of an ICMP query; else null.</summary>
    public IcmpQuery? Icmp { get; init; }
}

/// <summary>What tells one ping from another: identifier, type (8 or 128 for an echo request) and code.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct IcmpQuery(ushort Identifier, byte Type, byte Code);
