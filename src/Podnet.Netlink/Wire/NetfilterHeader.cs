using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>
/// struct nfgenmsg (linux/netfilter/nfnetlink.h), the fixed part of every message to the netfilter subsystems: address family,
/// version (always 0) and, in network byte order, what the subsystem calls a resource.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetfilterHeader
{
    private readonly byte _family;
    private readonly byte _version;
    private readonly ushort _resource;

    internal NetfilterHeader(byte family, ushort resource = 0)
    {
        _family = family;
        _resource = BinaryPrimitives.ReverseEndianness(resource); // the machine is little-endian: linux-x64, linux-arm64
    }

    internal readonly byte Family => _family;

    /// <summary>nlmsg_type: the subsystem (NFNL_SUBSYS_*) above, its message below.</summary>
    internal static ushort Type(int subsystem, int message) => (ushort)((subsystem << 8) | message);
}
