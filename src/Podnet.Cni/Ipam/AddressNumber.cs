using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Podnet.Cni.Ipam;

/// <summary>Addresses of both families as numbers to count with: IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).</summary>
internal static class AddressNumber
{
    public static readonly UInt128 FirstIPv4 = (UInt128)0xFFFF << 32;
    public static readonly UInt128 LastIPv4 = FirstIPv4 | uint.MaxValue;

    public static UInt128 Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4
            ? FirstIPv4 | BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    public static IPAddress ToAddress(UInt128 number)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return number >= FirstIPv4 && number <= LastIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    /// <summary>
    /// As RFC 5952 and host-local write it. .NET writes the end of an IPv6 address of ISATAP (…:0:5efe:a.b.c.d, RFC 5214) as an
    /// IPv4 address, by which host-local would not find it on disk.
    /// </summary>
    public static string TextOf(IPAddress address)
    {
        var text = address.ToString();
        if (IsIPv4(address) || !text.Contains('.'))
            return text;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        var tail = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        return $"{text[..(text.LastIndexOf(':') + 1)]}{tail >> 16:x}:{tail & 0xFFFF:x}";
    }

    public static bool IsIPv4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork;
}
