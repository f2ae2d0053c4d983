using System.Net;

namespace Podnet.Netlink;

/// <summary>
/// A route with one next hop (rtnetlink(7)). Equal records are equal routes, so what is wanted can be compared with what was
/// read back.
/// </summary>
/// <param name="Destination">0.0.0.0/0 or ::/0 is the default route.</param>
public sealed record Route(IPNetwork Destination)
{
    /// <summary>The interface's index; 0 where it has none (a blackhole) or several next hops.</summary>
    public int Device { get; init; }

    public IPAddress? Gateway { get; init; }

    /// <summary>The gateway counts as a neighbour on the device's link though no address of ours says so (RTNH_F_ONLINK).</summary>
    public bool OnLink { get; init; }

    /// <summary>RTA_PREFSRC: which own address packets from this node get.</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>Who put it there.</summary>
    public RouteProtocol Protocol { get; init; } = RouteProtocol.Static;

    /// <summary>For IPv4, Link where there is no gateway; IPv6 knows Universe alone.</summary>
    public RouteScope Scope { get; init; }

    public RouteType Type { get; init; } = RouteType.Unicast;

    public uint Table { get; init; } = MainTable;

    /// <summary>RTA_PRIORITY, the smallest wins; where it is 0, the kernel gives an IPv6 route 1024.</summary>
    public uint Metric { get; init; }

    /// <summary>RTAX_MTU, in bytes; 0 is that of the device.</summary>
    public uint Mtu { get; init; }

    /// <summary>Null: packets leave as they are.</summary>
    public Encapsulation? Encapsulation { get; init; }

    /// <summary>RT_TABLE_MAIN.</summary>
    public const uint MainTable = 254;

    /// <summary>RT_TABLE_LOCAL: the addresses of this node itself.</summary>
    public const uint LocalTable = 255;
}

/// <summary>RTPROT_* (linux/rtnetlink.h); any other value is legal.</summary>
public enum RouteProtocol : byte
{
    Unspecified = 0,
    Kernel = 2,
    Boot = 3,
    Static = 4,

    /// <summary>Podnet's own, by which it knows its routes again. Not taken by anything in rtnetlink.h or iproute2's rt_protos.</summary>
    Podnet = 80,
}

/// <summary>RT_SCOPE_* (linux/rtnetlink.h): how far away the destination is.</summary>
public enum RouteScope : byte
{
    Universe = 0,
    Link = 253,
    Host = 254,
    Nowhere = 255,
}

/// <summary>RTN_* (linux/rtnetlink.h).</summary>
public enum RouteType : byte
{
    Unspecified = 0,
    Unicast = 1,

    /// <summary>The destination is this node.</summary>
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
}
