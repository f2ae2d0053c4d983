using System.Net;

namespace Podnet.Netlink;

/// <summary>An IP address of an interface, with the length of the prefix that is on its link.</summary>
/// <param name="Device">The interface's index.</param>
public sealed record Address(int Device, IPAddress Ip, int PrefixLength)
{
    public RouteScope Scope { get; init; }

    /// <summary>IFA_F_*; of an IPv6 address, Tentative says that duplicate address detection still runs.</summary>
    public AddressFlags Flags { get; init; }

    public override string ToString() => $"{Ip}/{PrefixLength}";
}

/// <summary>IFA_F_* (linux/if_addr.h), those that matter here.</summary>
[Flags]
public enum AddressFlags : uint
{
    None = 0,

    /// <summary>No duplicate address detection: an IPv6 address is usable at once, not after a second or two.</summary>
    NoDuplicateDetection = 0x02,
    Tentative = 0x40,
    Permanent = 0x80,
}
