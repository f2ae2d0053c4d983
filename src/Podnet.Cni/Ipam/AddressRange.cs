using System.Net;

namespace Podnet.Cni.Ipam;

/// <summary>A subnet, and the first and last of a row of addresses in it that pods may have.</summary>
internal sealed record AddressRange(IPNetwork Subnet, UInt128 First, UInt128 Last)
{
    /// <summary>
    /// All that pods may have: from behind the network address, which for IPv6 is the routers' anycast address (RFC 4291, 2.6.1),
    /// to before the broadcast address; IPv6 has none. Null where the subnet has no room for such an address.
    /// </summary>
    public static AddressRange? Of(IPNetwork subnet)
    {
        var ipv4 = AddressNumber.IsIPv4(subnet.BaseAddress);
        var hostBits = (ipv4 ? 32 : 128) - subnet.PrefixLength;
        if (hostBits < 2)
            return null;
        var (network, end) = EndsOf(subnet);
        return new AddressRange(subnet, network + 1, ipv4 ? end - 1 : end);
    }

    /// <summary>The first and the last address of a network, whatever they are for.</summary>
    public static (UInt128 First, UInt128 Last) EndsOf(IPNetwork subnet)
    {
        var hostBits = (AddressNumber.IsIPv4(subnet.BaseAddress) ? 32 : 128) - subnet.PrefixLength;
        var network = AddressNumber.Of(subnet.BaseAddress);
        return (network, network + (hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1));
    }

    public bool Contains(UInt128 number) => number >= First && number <= Last;

    public bool Overlaps(AddressRange other) => First <= other.Last && other.First <= Last;

    /// <summary>What is left on either side: none, one or two.</summary>
    public IEnumerable<AddressRange> Without(UInt128 first, UInt128 last)
    {
        if (last < First || first > Last)
        {
            yield return this;
            yield break;
        }

        if (first > First)
            yield return this with { Last = first - 1 };
        if (last < Last)
            yield return this with { First = last + 1 };
    }
}
