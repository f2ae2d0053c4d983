using System.Net;

namespace Podnet.Cni.Ipam;

/// <summary>A subnet, and its first and last address that a pod may have.</summary>
/// <param name="First">Behind the network address, which for IPv6 is the routers' anycast address (RFC 4291, 2.6.1).</param>
/// <param name="Last">Before the broadcast address; IPv6 has none.</param>
internal sealed record AddressRange(IPNetwork Subnet, UInt128 First, UInt128 Last)
{
    /// <summary>Null where the subnet has no room for an address that is neither its network nor its broadcast address.</summary>
    public static AddressRange? Of(IPNetwork subnet)
    {
        var ipv4 = AddressNumber.IsIPv4(subnet.BaseAddress);
        var hostBits = (ipv4 ? 32 : 128) - subnet.PrefixLength;
        if (hostBits < 2)
            return null;
        var network = AddressNumber.Of(subnet.BaseAddress);
        var end = network + (hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1);
        return new AddressRange(subnet, network + 1, ipv4 ? end - 1 : end);
    }

    public bool Contains(UInt128 number) => number >= First && number <= Last;

    public bool Overlaps(AddressRange other) => First <= other.Last && other.First <= Last;
}
