namespace Podnet.Netlink.Nftables;

/// <summary>One step of a rule (linux/netfilter/nf_tables.h). Equal where they do the same.</summary>
public abstract record Expression
{
    /// <summary>The kernel's name for it (NFTA_EXPR_NAME).</summary>
    internal abstract string Name { get; }

    /// <summary>Writes the attributes of NFTA_EXPR_DATA.</summary>
    internal abstract void Put(ref NetlinkWriter writer);
}

/// <summary>Loads bytes of the packet.</summary>
/// <param name="Offset">In bytes, from the start of the header.</param>
/// <param name="Length">In bytes.</param>
public sealed record Payload(PacketHeader Header, int Offset, int Length, Register Destination = Register.R1) : Expression
{
    public static readonly Payload SourceIPv4 = new(PacketHeader.Network, 12, 4);
    public static readonly Payload DestinationIPv4 = new(PacketHeader.Network, 16, 4);
    public static readonly Payload SourceIPv6 = new(PacketHeader.Network, 8, 16);
    public static readonly Payload DestinationIPv6 = new(PacketHeader.Network, 24, 16);

    /// <summary>Of TCP, UDP and SCTP alike: nft's <c>th dport</c>.</summary>
    public static readonly Payload DestinationPort = new(PacketHeader.Transport, 2, 2);

    internal const string Kind = "payload";

    // NFTA_PAYLOAD_*
    private const int DestinationAttribute = 1;
    private const int BaseAttribute = 2;
    private const int OffsetAttribute = 3;
    private const int LengthAttribute = 4;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
        writer.PutU32BigEndian(BaseAttribute, (uint)Header);
        writer.PutU32BigEndian(OffsetAttribute, (uint)Offset);
        writer.PutU32BigEndian(LengthAttribute, (uint)Length);
    }

    internal static Payload Read(in ExpressionData data) => new(
        (PacketHeader)data.U32(BaseAttribute),
        (int)data.U32(OffsetAttribute),
        (int)data.U32(LengthAttribute),
        (Register)data.U32(DestinationAttribute));
}

/// <summary>NFT_PAYLOAD_*_HEADER.</summary>
public enum PacketHeader : uint
{
    Link = 0,
    Network = 1,
    Transport = 2,
}

/// <summary>Loads something that the kernel knows of the packet.</summary>
public sealed record Meta(MetaKey Key, Register Destination = Register.R1) : Expression
{
    internal const string Kind = "meta";

    // NFTA_META_*
    private const int DestinationAttribute = 1;
    private const int KeyAttribute = 2;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(KeyAttribute, (uint)Key);
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
    }

    /// <summary>What sets something has a source instead.</summary>
    internal static Expression Read(in ExpressionData data) => data.Has(DestinationAttribute)
        ? new Meta((MetaKey)data.U32(KeyAttribute), (Register)data.U32(DestinationAttribute))
        : MetaSet.Read(data);
}

/// <summary>NFT_META_*, those that matter here.</summary>
public enum MetaKey : uint
{
    Mark = 3,
    InputName = 6,
    OutputName = 7,
    NetworkProtocol = 15,
    TransportProtocol = 16,

    /// <summary>The group of the link that it came in by, <see cref="Link.Group"/>: 4 bytes in host byte order.</summary>
    InputGroup = 21,

    /// <summary>As <see cref="InputGroup"/>, of the link that it leaves by.</summary>
    OutputGroup = 22,
}

/// <summary>Loads something that conntrack knows of the packet's connection.</summary>
/// <param name="OfOriginal">
/// Of the connection's packets in the direction of its first one, as they were before translation: for keys that each direction has its own of.
/// </param>
public sealed record Conntrack(ConntrackKey Key, Register Destination = Register.R1, bool OfOriginal = false) : Expression
{
    internal const string Kind = "ct";

    // NFTA_CT_*
    private const int DestinationAttribute = 1;
    private const int KeyAttribute = 2;
    private const int DirectionAttribute = 3;
    private const byte OriginalDirection = 0; // IP_CT_DIR_ORIGINAL

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(KeyAttribute, (uint)Key);
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
        if (OfOriginal)
            writer.PutU8(DirectionAttribute, OriginalDirection);
    }

    /// <summary>Null for what is known of replies, and for a change of what conntrack knows.</summary>
    internal static Conntrack? Read(in ExpressionData data) =>
        !data.Has(DestinationAttribute) || (data.Has(DirectionAttribute) && data.U8(DirectionAttribute) != OriginalDirection)
            ? null
            : new((ConntrackKey)data.U32(KeyAttribute), (Register)data.U32(DestinationAttribute), data.Has(DirectionAttribute));
}

/// <summary>NFT_CT_*, those that matter here.</summary>
public enum ConntrackKey : uint
{
    /// <summary>One bit of <see cref="ConnectionStates"/>, in host byte order.</summary>
    State = 0,

    /// <summary>IPS_* bits.</summary>
    Status = 2,
    Mark = 3,

    /// <summary>2 bytes in network byte order; of one direction.</summary>
    DestinationPort = 12,

    /// <summary>4 bytes; of one direction. Needs Linux 4.17.</summary>
    DestinationIPv4 = 20,

    /// <summary>16 bytes; of one direction. Needs Linux 4.17.</summary>
    DestinationIPv6 = 22,
}

/// <summary>NF_CT_STATE_BIT (linux/netfilter/nf_conntrack_common.h), as nft uses them.</summary>
[Flags]
public enum ConnectionStates : uint
{
    None = 0,
    Invalid = 1,
    Established = 2,
    Related = 4,
    New = 8,
    Untracked = 64,
}
