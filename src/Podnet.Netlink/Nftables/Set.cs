namespace Podnet.Netlink.Nftables;

/// <summary>A named set, or a map; its elements come and go apart from it.</summary>
public sealed record Set(string Name, DataType Key)
{
    /// <summary>What the elements lead to, in a map; null in a plain set.</summary>
    public DataType? Data { get; init; }

    public SetFlags Flags { get; init; }

    /// <summary>Elements that it may have (ENFILE beyond), 0 for any number. One that rules add to should have a bound.</summary>
    public uint Size { get; init; }

    /// <summary>Every element counts the packets that matched it; in a nat chain those are connections. Needs Linux 5.7.</summary>
    public bool Counter { get; init; }

    public string? Comment { get; init; }
}

/// <summary>NFT_SET_* (linux/netfilter/nf_tables.h). Map and Concat follow from the set's types.</summary>
[Flags]
public enum SetFlags : uint
{
    None = 0,

    /// <summary>A rule's own: the kernel made its name.</summary>
    Anonymous = 0x1,
    Constant = 0x2,

    /// <summary>
    /// A key may be a range. Where it is a concatenation, each part may be one (Linux 5.6): an element then has a
    /// <see cref="Element.Last"/>.
    /// </summary>
    Interval = 0x4,

    /// <summary>Elements may have a timeout.</summary>
    Timeout = 0x10,

    /// <summary>Rules may add elements.</summary>
    Dynamic = 0x20,
}
