using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>A network interface as the kernel shows it (rtnetlink(7), linux/if_link.h).</summary>
/// <param name="Index">From 1, unique in its namespace.</param>
public sealed record Link(int Index, string Name)
{
    /// <summary>IFLA_GROUP of the node's end of every pod's link, by which rules and drivers know it. Arbitrary: the number of our routes' protocol.</summary>
    public const uint PodGroup = (uint)RouteProtocol.Podnet;

    public LinkFlags Flags { get; init; }

    /// <summary>IFF_UP: somebody has set it up. Whether it carries is <see cref="LinkFlags.LowerUp"/>.</summary>
    public bool IsUp => Flags.HasFlag(LinkFlags.Up);

    /// <summary>In bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>Null where its addresses are not Ethernet's.</summary>
    public MacAddress? Address { get; init; }

    /// <summary>IFLA_IFALIAS; null without one.</summary>
    public string? Alias { get; init; }

    /// <summary>"veth", "bridge", "vxlan" …; null for what has no kind, as lo and most hardware.</summary>
    public string? Kind { get; init; }

    /// <summary>IFLA_LINK: of a veth end, the index of the other end, in the namespace where that is; else 0.</summary>
    public int PeerIndex { get; init; }

    /// <summary>IFLA_LINK_NETNSID: where the peer is, as this namespace numbers others; null where it is in this one.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>IFLA_GROUP: a number to tell links by, as <see cref="PodGroup"/>; 0 where nobody gave one.</summary>
    public uint Group { get; init; }

    /// <summary>The index of the bridge that it is a port of; else 0.</summary>
    public int Master { get; init; }

    /// <summary>Null where it is no VXLAN device.</summary>
    public Vxlan? Vxlan { get; init; }
}

/// <summary>IFF_* (linux/if.h), those that matter here.</summary>
[Flags]
public enum LinkFlags : uint
{
    None = 0,
    Up = 0x1,
    Loopback = 0x8,
    PointToPoint = 0x10,
    Running = 0x40,
    LowerUp = 0x1_0000,
}

/// <summary>A veth pair that is to be made: this end in the namespace of the socket, the other end there or elsewhere.</summary>
/// <param name="Name">At most 15 bytes (IFNAMSIZ).</param>
public sealed record VethPair(string Name, string PeerName)
{
    /// <summary>Null lets the kernel choose one at random.</summary>
    public MacAddress? Address { get; init; }

    public MacAddress? PeerAddress { get; init; }

    /// <summary>Of both ends, in bytes; null is the kernel's 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Where the other end is to be; null for here.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    /// <summary>Of this end, <see cref="Link.Group"/>.</summary>
    public uint Group { get; init; }

    /// <summary>
    /// Whether this end is set up at once. The other cannot be: the kernel configures it before the two know each other, and
    /// says ENOTCONN (drivers/net/veth.c).
    /// </summary>
    public bool Up { get; init; }
}
