using static Podnet.Netlink.Nftables.NftablesWire;

namespace Podnet.Netlink.Nftables;

/// <summary>Loads a value that is the same for every packet, such as a part of a key.</summary>
/// <param name="Value">As it is to lie in the registers, without padding.</param>
public sealed record Constant(ByteString Value, Register Destination = Register.R1) : Expression
{
    internal override string Name => Verdict.Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(Verdict.DestinationAttribute, (uint)Destination);
        PutData(ref writer, Verdict.DataAttribute, Value.Span);
    }

    internal static Constant Read(in ExpressionData data) => new(data.Bytes(Verdict.DataAttribute), (Register)data.U32(Verdict.DestinationAttribute));
}

/// <summary>Sets something that the kernel keeps with the packet: its mark.</summary>
public sealed record MetaSet(MetaKey Key, Register Source = Register.R1) : Expression
{
    // NFTA_META_*
    private const int KeyAttribute = 2;
    private const int SourceAttribute = 3;

    internal override string Name => Meta.Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(KeyAttribute, (uint)Key);
        writer.PutU32BigEndian(SourceAttribute, (uint)Source);
    }

    internal static MetaSet Read(in ExpressionData data) => new((MetaKey)data.U32(KeyAttribute), (Register)data.U32(SourceAttribute));
}

/// <summary>Loads a random number of 4 bytes in host byte order, from 0 up to, but without, the modulus.</summary>
public sealed record RandomNumber(uint Modulus, Register Destination = Register.R1) : Expression
{
    internal const string Kind = "numgen";

    // NFTA_NG_*
    private const int DestinationAttribute = 1;
    private const int ModulusAttribute = 2;
    private const int TypeAttribute = 3;
    private const int OffsetAttribute = 4;
    private const uint RandomType = 1; // NFT_NG_RANDOM

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
        writer.PutU32BigEndian(ModulusAttribute, Modulus);
        writer.PutU32BigEndian(TypeAttribute, RandomType);
        writer.PutU32BigEndian(OffsetAttribute, 0);
    }

    /// <summary>Null for what this record cannot say: numbers in turn, and those that start elsewhere.</summary>
    internal static RandomNumber? Read(in ExpressionData data) =>
        data.U32(TypeAttribute) == RandomType && data.U32(OffsetAttribute) == 0
            ? new RandomNumber(data.U32(ModulusAttribute), (Register)data.U32(DestinationAttribute))
            : null;
}

/// <summary>Loads the type of an address of the packet as the routing tables have it: RTN_* (linux/rtnetlink.h), 4 bytes in host byte order.</summary>
public sealed record AddressType(PacketAddress Address, Register Destination = Register.R1) : Expression
{
    /// <summary>RTN_LOCAL: the node's own. What <c>fib daddr type local</c> compares with.</summary>
    public static readonly ByteString Local = ByteString.OfHost(2);

    internal const string Kind = "fib";

    // NFTA_FIB_*
    private const int DestinationAttribute = 1;
    private const int ResultAttribute = 2;
    private const int FlagsAttribute = 3;
    private const uint TypeResult = 3; // NFT_FIB_RESULT_ADDRTYPE

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(FlagsAttribute, (uint)Address);
        writer.PutU32BigEndian(ResultAttribute, TypeResult);
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
    }

    /// <summary>Null for another question to the routing tables.</summary>
    internal static AddressType? Read(in ExpressionData data) =>
        data.U32(ResultAttribute) == TypeResult && (PacketAddress)data.U32(FlagsAttribute) is var address and (PacketAddress.Source or PacketAddress.Destination)
            ? new AddressType(address, (Register)data.U32(DestinationAttribute))
            : null;
}

/// <summary>
/// Loads 1 where the way back to the packet's source leads out of the link that it came in by, else 0: nft's
/// <c>fib saddr . iif oif</c>, of which 0 is called missing. At prerouting, input and forward.
/// </summary>
public sealed record ReversePath(Register Destination = Register.R1) : Expression
{
    public static readonly ByteString Missing = ByteString.OfHost(0);

    // NFTA_FIB_*
    private const int DestinationAttribute = 1;
    private const int ResultAttribute = 2;
    private const int FlagsAttribute = 3;
    private const uint OutputLinkResult = 1; // NFT_FIB_RESULT_OIF
    private const uint Flags = 1 | 8 | 32; // NFTA_FIB_F_SADDR, _IIF, _PRESENT

    internal override string Name => AddressType.Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(FlagsAttribute, Flags);
        writer.PutU32BigEndian(ResultAttribute, OutputLinkResult);
        writer.PutU32BigEndian(DestinationAttribute, (uint)Destination);
    }

    /// <summary>Null for another question to the routing tables.</summary>
    internal static ReversePath? Read(in ExpressionData data) =>
        data.U32(ResultAttribute) == OutputLinkResult && data.U32(FlagsAttribute) == Flags ? new ReversePath((Register)data.U32(DestinationAttribute)) : null;
}

/// <summary>NFTA_FIB_F_SADDR, NFTA_FIB_F_DADDR.</summary>
public enum PacketAddress : uint
{
    Source = 1,
    Destination = 2,
}
