using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Podnet.Core.Model;

/// <summary>
/// Addresses as Kubernetes writes them. Chain names are hashes of this text, so it must be the same to the letter: RFC 5952,
/// always in hexadecimal groups, where .NET writes the last 32 bits of some IPv6 addresses (fe80::5efe:a00:1) as dotted decimals.
/// </summary>
public static class AddressText
{
    public static string Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? OfBytes(bytes) : OfGroups(bytes);
    }

    /// <summary>"10.240.0.0/16".</summary>
    public static string Of(IPNetwork network) => $"{Of(network.BaseAddress)}/{network.PrefixLength}";

    /// <summary>"10.240.0.28:80", "[fd00:240::13]:80".</summary>
    public static string Of(IPAddress address, ushort port) =>
        address.Family() == IPFamily.V4 ? $"{Of(address)}:{port}" : $"[{Of(address)}]:{port}";

    /// <summary>IPAddress.ToString keeps its text for good, which a cluster of addresses has no room for.</summary>
    private static string OfBytes(ReadOnlySpan<byte> bytes) => $"{bytes[0]}.{bytes[1]}.{bytes[2]}.{bytes[3]}";

    private static string OfGroups(ReadOnlySpan<byte> bytes)
    {
        Span<ushort> groups = stackalloc ushort[8];
        for (var i = 0; i < 8; i++)
            groups[i] = BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * i)..]);
        var (start, length) = LongestZeroRun(groups);
        var text = new StringBuilder(39);
        for (var i = 0; i < 8; i++)
        {
            if (i == start)
            {
                text.Append("::");
                i += length - 1;
                continue;
            }

            if (text.Length > 0 && text[^1] != ':')
                text.Append(':');
            text.Append($"{groups[i]:x}");
        }

        return text.ToString();
    }

    /// <summary>RFC 5952, 4.2.2 and 4.2.3: the first of the longest runs, and none of a single group.</summary>
    private static (int Start, int Length) LongestZeroRun(ReadOnlySpan<ushort> groups)
    {
        var (start, length) = (-1, 1);
        for (var i = 0; i < groups.Length; i++)
        {
            var end = i;
            while (end < groups.Length && groups[end] == 0)
                end++;
            if (end - i > length)
                (start, length) = (i, end - i);
            i = Math.Max(i, end - 1);
        }

        return (start, length);
    }
}
