using System.Net;

namespace Podnet.Core.Model;

/// <summary>The addresses of a network by their place in it.</summary>
public static class AddressPlaces
{
    /// <summary>The address at a place, counted from 0; the caller sees to it that the network has so many.</summary>
    public static IPAddress At(this IPNetwork network, UInt128 place)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        for (var i = bytes.Length - 1; i >= 0 && place > 0; i--)
        {
            place += bytes[i];
            bytes[i] = (byte)(place & 0xFF);
            place >>= 8;
        }

        return new IPAddress(bytes);
    }

    /// <summary>How many addresses it has; a network of all IPv6 addresses, which no number here can count, is nobody's.</summary>
    public static UInt128 Size(this IPNetwork network) => UInt128.One << (network.Family().Bits() - network.PrefixLength);
}
