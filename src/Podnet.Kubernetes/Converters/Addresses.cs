using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Podnet.Kubernetes.Converters;

/// <summary>
/// IP addresses and CIDR blocks as Kubernetes writes them, and nothing else that .NET would read ("10.1", "0x0a.0.0.1", "010.0.0.1",
/// "fe80::1%eth0", "[::1]:80"): other programs read some of these as other addresses.
/// </summary>
public static class Addresses
{
    public static bool TryParse(string? text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (text is null || text.Length > 45) // INET6_ADDRSTRLEN - 1
            return false;
        if (!text.Contains(':', StringComparison.Ordinal))
            return TryParseV4(text, out address);
        return text.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.')
            && IPAddress.TryParse(text, out address)
            && address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false };
    }

    /// <summary>"10.0.0.0/8". Bits behind the prefix are cleared, as Kubernetes does: "10.1.2.3/8" is the same block.</summary>
    public static bool TryParseNetwork(string? text, out IPNetwork network)
    {
        network = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0 || !TryParse(text![..slash], out var address))
            return false;
        var digits = text.AsSpan(slash + 1);
        var bytes = address.GetAddressBytes();
        if (digits.Length is 0 or > 3 || (digits[0] == '0' && digits.Length > 1)
            || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var prefix) || prefix > bytes.Length * 8)
        {
            return false;
        }
        for (var bit = prefix; bit < bytes.Length * 8; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        network = new IPNetwork(new IPAddress(bytes), prefix);
        return true;
    }

    /// <summary>"a loopback", "a link-local" … for an address that can be nobody's in a cluster; null for any other.</summary>
    public static string? SpecialUse(IPAddress address)
    {
        if (IPAddress.IsLoopback(address))
            return "a loopback";
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            return "the unspecified";
        if (address.Equals(IPAddress.Broadcast))
            return "the broadcast";
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return address.IsIPv6LinkLocal ? "a link-local" : address.IsIPv6Multicast ? "a multicast" : null;
        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return bytes[0] == 169 && bytes[1] == 254 ? "a link-local" : bytes[0] is >= 224 and <= 239 ? "a multicast" : null;
    }

    private static bool TryParseV4(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        var parts = text.Split('.');
        if (parts.Length != 4)
            return false;
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < 4; i++)
        {
            if (parts[i].Length is 0 or > 3 || (parts[i][0] == '0' && parts[i].Length > 1)
                || !byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out bytes[i]))
            {
                return false;
            }
        }
        address = new IPAddress(bytes);
        return true;
    }
}
