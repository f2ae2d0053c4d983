using System.Net;

namespace Podnet.Netlink;

/// <summary>How a VXLAN device wraps frames (RFC 7348): the part of a link that its kind has for itself.</summary>
/// <param name="Port">UDP, to send to and to receive on.</param>
public sealed record Vxlan(ushort Port)
{
    /// <summary>"external": network identifier and host come from the route, and packets of every identifier come in. Excludes an identifier here.</summary>
    public bool External { get; init; }

    /// <summary>The network identifier, 24 bits; 0 for an external device.</summary>
    public uint Id { get; init; }

    /// <summary>The source of what is sent; its family is the only one that such a device speaks. Null for an external device, which speaks both.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Whether it takes forwarding entries from the frames that come in.</summary>
    public bool Learning { get; init; }
}

/// <summary>A VXLAN device that is to be made.</summary>
/// <param name="Mtu">In bytes.</param>
public sealed record VxlanDevice(string Name, MacAddress Address, int Mtu, Vxlan Settings);

/// <summary>Behind which host of the underlay a VXLAN device finds an Ethernet address: <c>bridge fdb</c>.</summary>
/// <param name="Device">The VXLAN device's index.</param>
public sealed record ForwardingEntry(int Device, MacAddress LinkAddress, IPAddress Destination);
