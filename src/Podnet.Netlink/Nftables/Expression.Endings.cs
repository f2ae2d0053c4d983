namespace Podnet.Netlink.Nftables;

/// <summary>Translates the destination of the connection, in a chain of type nat at prerouting or output.</summary>
/// <param name="Address">Where the new address is: 4 bytes for Ip, 16 for Ip6.</param>
/// <param name="Port">Where the new port is, 2 bytes in network byte order; null keeps the packet's.</param>
public sealed record DestinationNat(TableFamily Family, Register Address, Register? Port) : Expression
{
    internal const string Kind = "nat";

    // NFTA_NAT_*
    private const int TypeAttribute = 1;
    private const int FamilyAttribute = 2;
    private const int AddressAttribute = 3;
    private const int LastAddressAttribute = 4;
    private const int PortAttribute = 5;
    private const int LastPortAttribute = 6;
    private const int FlagsAttribute = 7;
    private const uint DestinationType = 1; // NFT_NAT_DNAT

    /// <summary>NF_NAT_RANGE_MAP_IPS and NF_NAT_RANGE_PROTO_SPECIFIED: the kernel sets them itself where it has an address and a port.</summary>
    private const uint ImpliedFlags = 3;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(TypeAttribute, DestinationType);
        writer.PutU32BigEndian(FamilyAttribute, (uint)Family);
        writer.PutU32BigEndian(AddressAttribute, (uint)Address);
        if (Port is { } port)
            writer.PutU32BigEndian(PortAttribute, (uint)port);
    }

    /// <summary>Null for what this record cannot say: source NAT, ranges, flags.</summary>
    internal static DestinationNat? Read(in ExpressionData data)
    {
        var (address, port) = (data.U32(AddressAttribute), data.U32(PortAttribute));
        var isSimple = data.U32(TypeAttribute) == DestinationType && address != 0 && (data.U32(FlagsAttribute) & ~ImpliedFlags) == 0
            && (!data.Has(LastAddressAttribute) || data.U32(LastAddressAttribute) == address)
            && (!data.Has(LastPortAttribute) || data.U32(LastPortAttribute) == port);
        return isSimple
            ? new DestinationNat((TableFamily)data.U32(FamilyAttribute), (Register)address, data.Has(PortAttribute) ? (Register)port : null)
            : null;
    }
}

/// <summary>Answers with an error; in chains of type filter at input, forward and output, and since Linux 5.9 at prerouting.</summary>
/// <param name="Type">NFT_REJECT_*.</param>
/// <param name="Code">Of ICMP in a table ip, of ICMPv6 in a table ip6.</param>
public sealed record Reject(RejectType Type, byte Code) : Expression
{
    /// <summary>"Port unreachable", which nft prints as plain <c>reject</c>: ICMP_PORT_UNREACH, ICMPV6_PORT_UNREACH.</summary>
    public static Reject PortUnreachable(TableFamily family) => new(RejectType.Icmp, (byte)(family == TableFamily.Ip6 ? 4 : 3));

    internal const string Kind = "reject";

    // NFTA_REJECT_*
    private const int TypeAttribute = 1;
    private const int CodeAttribute = 2;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(TypeAttribute, (uint)Type);
        writer.PutU8(CodeAttribute, Code);
    }

    internal static Reject Read(in ExpressionData data) => new((RejectType)data.U32(TypeAttribute), data.U8(CodeAttribute));
}

/// <summary>NFT_REJECT_*.</summary>
public enum RejectType : uint
{
    Icmp = 0,
}
