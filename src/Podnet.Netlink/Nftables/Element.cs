using System.Net;
using System.Runtime.InteropServices;

namespace Podnet.Netlink.Nftables;

/// <summary>A key, or in a set of intervals all keys from this one on; in a map, with what it leads to.</summary>
/// <remarks>
/// The kernel has two ways to write intervals. Where the key is no concatenation it knows their edges only: an interval is two elements, its
/// first key, and the first key after it with the flag NFT_SET_ELEM_INTERVAL_END (<see cref="End"/>). One that reaches the greatest key has no
/// end. Where the key is a concatenation, an element has its first and its last key (<see cref="Last"/>). Intervals of a set must not overlap
/// (EEXIST); they may touch. Two elements are equal whatever they have counted and however long they have left.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Element(ByteString Key)
{
    /// <summary>The first key that no longer belongs to it; null for a single key, and for an interval up to the greatest.</summary>
    public ByteString? End { get; init; }

    /// <summary>In a set of intervals of concatenations: the last value of each part. Equal to the key for single values, where null means the same.</summary>
    public ByteString? Last { get; init => field = value == Key ? null : value; }

    /// <summary>What it leads to, in a map of values.</summary>
    public ByteString Data { get; init; }

    /// <summary>What it decides, in a map of verdicts.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Cut to what nft shows, 127 bytes.</summary>
    public string? Comment { get; init => field = value is null ? null : UserData.Cut(value); }

    /// <summary>After so long it goes away; null for never. To the millisecond.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>What is left of the timeout, where it was read back.</summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>What it has counted, where it was read back from a set with counters.</summary>
    public Counter? Counter { get; init; }

    public static Element Of(IPAddress address) => new(ByteString.Of(address));

    /// <summary>All addresses of a network, for a set of intervals.</summary>
    public static Element Of(IPNetwork network)
    {
        var last = network.BaseAddress.GetAddressBytes();
        for (var bit = network.PrefixLength; bit < 8 * last.Length; bit++)
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new Element(ByteString.Of(network.BaseAddress)) { End = new ByteString(last).Next() };
    }

    public bool Equals(Element other) =>
        Key == other.Key && End == other.End && Last == other.Last && Data == other.Data && Verdict == other.Verdict
        && Comment == other.Comment && Timeout == other.Timeout;

    public override int GetHashCode() => HashCode.Combine(Key, Data);
}
