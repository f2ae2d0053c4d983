using System.Net;
using Sockets = System.Net.Sockets;

namespace Podnet.Netlink;

/// <summary>AF_* as netlink's headers carry them (linux/socket.h).</summary>
internal static class AddressFamily
{
    internal const byte Unspecified = 0;
    internal const byte IPv4 = 2;
    internal const byte Bridge = 7;
    internal const byte IPv6 = 10;

    internal static byte Of(IPAddress address) => address.AddressFamily switch
    {
        Sockets.AddressFamily.InterNetwork => IPv4,
        Sockets.AddressFamily.InterNetworkV6 => IPv6,
        _ => throw new ArgumentException($"{address} is neither an IPv4 nor an IPv6 address", nameof(address)),
    };

    /// <summary>In bytes.</summary>
    internal static int LengthOf(IPAddress address) => Of(address) == IPv4 ? 4 : 16;

    /// <summary>The address of all zeros: what a default route leads to.</summary>
    internal static IPAddress Any(byte family) => family == IPv4 ? IPAddress.Any : IPAddress.IPv6Any;
}
