using System.Net;

namespace Podnet.Core.Model;

/// <summary>The IP version's number. (.NET's AddressFamily lives among the sockets, which Core has no use for.)</summary>
public enum IPFamily
{
    V4 = 4,
    V6 = 6,
}

public static class IPFamilies
{
    public static IPFamily Family(this IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? IPFamily.V4 : IPFamily.V6;
    }

    public static IPFamily Family(this IPNetwork network) => network.BaseAddress.Family();

    /// <summary>As Kubernetes writes it.</summary>
    public static string Name(this IPFamily family) => family == IPFamily.V4 ? "IPv4" : "IPv6";

    /// <summary>Length of a whole address of the family, in bits: the prefix length of a single host.</summary>
    public static int Bits(this IPFamily family) => family == IPFamily.V4 ? 32 : 128;
}
