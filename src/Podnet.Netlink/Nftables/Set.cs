using System.Net;
using System.Runtime.InteropServices;

namespace Podnet.Netlink.Nftables;

/// <summary>A named set; its elements come and go apart from it.</summary>
public sealed record Set(string Name, SetKey Key)
{
    public SetFlags Flags { get; init; }

    public string? Comment { get; init; }
}

/// <summary>What a set's keys are.</summary>
/// <param name="Type">nft's own number of the type (nftables, datatype.h); the kernel only keeps it for nft to read.</param>
/// <param name="Length">In bytes.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SetKey(uint Type, int Length)
{
    public static readonly SetKey IPv4Address = new(7, 4);
    public static readonly SetKey IPv6Address = new(8, 16);
}

/// <summary>NFT_SET_* (linux/netfilter/nf_tables.h).</summary>
[Flags]
public enum SetFlags : uint
{
    None = 0,
    Anonymous = 0x1,
    Constant = 0x2,
    Interval = 0x4,
    Map = 0x8,
}

/// <summary>A key, or in a set of intervals all keys from this one on.</summary>
/// <remarks>
/// The kernel has no intervals, only their edges: an interval is two elements, its first key, and the first key after it
/// with the flag NFT_SET_ELEM_INTERVAL_END. One that reaches the greatest key has no end. Intervals of a set must not overlap
/// (EEXIST); they may touch.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Element(ByteString Key)
{
    /// <summary>The first key that no longer belongs to it; null for a single key, and for an interval up to the greatest.</summary>
    public ByteString? End { get; init; }

    public static Element Of(IPAddress address) => new(ByteString.Of(address));

    /// <summary>All addresses of a network, for a set of intervals.</summary>
    public static Element Of(IPNetwork network)
    {
        var last = network.BaseAddress.GetAddressBytes();
        for (var bit = network.PrefixLength; bit < 8 * last.Length; bit++)
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new Element(ByteString.Of(network.BaseAddress)) { End = new ByteString(last).Next() };
    }
}
