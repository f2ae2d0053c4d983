using System.Buffers.Binary;
using System.Globalization;

namespace Podnet.Netlink;

/// <summary>An Ethernet address, the first octet sent in bits 40 to 47; printed as "0a:58:a9:fe:01:01".</summary>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>In bytes.</summary>
    public const int Length = 6;

    public static MacAddress Read(ReadOnlySpan<byte> bytes) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));

    public void CopyTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)Value);
    }

    /// <summary>Six octets of two hex digits with colons. Errors: FormatException for anything else.</summary>
    public static MacAddress Parse(string text)
    {
        if (text.Length != 17)
            throw new FormatException($"'{text}' is no Ethernet address: want six octets such as 0a:58:a9:fe:01:01");
        ulong value = 0;
        for (var i = 0; i < Length; i++)
        {
            var octet = text.AsSpan(3 * i, 2);
            if (!byte.TryParse(octet, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var parsed) ||
                (i < Length - 1 && text[(3 * i) + 2] != ':'))
                throw new FormatException($"'{text}' is no Ethernet address: want six octets such as 0a:58:a9:fe:01:01");
            value = (value << 8) | parsed;
        }

        return new MacAddress(value);
    }

    public override string ToString()
    {
        Span<byte> octets = stackalloc byte[Length];
        CopyTo(octets);
        return $"{octets[0]:x2}:{octets[1]:x2}:{octets[2]:x2}:{octets[3]:x2}:{octets[4]:x2}:{octets[5]:x2}";
    }
}
