namespace Podnet.Netlink;

/// <summary>Which connections the kernel is to tell of: on a node with many, most of a dump's time is their sending and decoding.</summary>
public sealed record ConntrackFilter
{
    public ConntrackFamily? Family { get; init; }

    /// <summary>IP protocol number. Needs Linux 5.8.</summary>
    public byte? Protocol { get; init; }

    /// <summary>Those that have all of these. Needs Linux 5.11; older kernels tell of all.</summary>
    public ConntrackStatus Status { get; init; }
}

/// <summary>NFPROTO_* (linux/netfilter.h), those that conntrack knows.</summary>
public enum ConntrackFamily
{
    IPv4 = 2,
    IPv6 = 10,
}
