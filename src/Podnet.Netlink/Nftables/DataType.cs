using System.Runtime.InteropServices;

namespace Podnet.Netlink.Nftables;

/// <summary>What a set's keys are, or a map's values.</summary>
/// <param name="Type">
/// nft's own number of the type (nftables, datatype.h); the kernel only keeps it for nft to read. A concatenation's has 6 bits for each
/// part, the first part's above.
/// </param>
/// <param name="Length">In bytes. Each part of a concatenation is padded to a multiple of 4.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct DataType(uint Type, int Length)
{
    public static readonly DataType IPv4Address = new(IPv4Number, 4);
    public static readonly DataType IPv6Address = new(IPv6Number, 16);

    /// <summary>inet_proto: an IP protocol number.</summary>
    public static readonly DataType Protocol = new(ProtocolNumber, 1);

    /// <summary>inet_service: a port, in network byte order.</summary>
    public static readonly DataType Port = new(PortNumber, 2);

    /// <summary>A packet mark, in host byte order.</summary>
    public static readonly DataType Mark = new(MarkNumber, 4);

    /// <summary>What a map's values are that decide over the packet: NFT_DATA_VERDICT.</summary>
    public static readonly DataType Verdict = new(0xFFFFFF00, 0);

    internal const uint IntegerNumber = 4;
    private const uint IPv4Number = 7;
    private const uint IPv6Number = 8;
    private const uint ProtocolNumber = 12;
    private const uint PortNumber = 13;
    private const uint MarkNumber = 19;
    private const int BitsOfPart = 6;
    private const uint PartMask = (1 << BitsOfPart) - 1;

    /// <summary>
    /// What nft reads to print <c>typeof ip daddr</c> where it would print <c>type ipv4_addr</c>; empty for the latter. The kernel does not
    /// read it. See <see cref="Nftables.TypeOf"/>.
    /// </summary>
    public ByteString TypeOf { get; init; }

    /// <summary>One part after the other, as they lie in the registers. All of them are types, or all are types of something.</summary>
    public static DataType Concat(params ReadOnlySpan<DataType> parts)
    {
        uint type = 0;
        var length = 0;
        var typeOfs = 0;
        foreach (var part in parts)
        {
            type = (type << BitsOfPart) | part.Type;
            length += NetlinkWriter.Align(part.Length);
            typeOfs += part.TypeOf.Length == 0 ? 0 : 1;
        }

        if (typeOfs != 0 && typeOfs != parts.Length)
            throw new ArgumentException("nft prints a concatenation of types, or one of types of something, but no mixture", nameof(parts));
        return new DataType(type, length) { TypeOf = typeOfs == 0 ? default : UserData.ConcatenatedTypeOf(parts) };
    }

    internal bool IsConcatenation => Type is > PartMask and < 0xFFFFFF00;

    /// <summary>nft's BYTEORDER_*: 2 in network byte order, 1 in host byte order, 0 for neither.</summary>
    internal uint ByteOrder => Type switch
    {
        IPv4Number or IPv6Number or PortNumber => 2,
        ProtocolNumber or MarkNumber or IntegerNumber => 1,
        _ => 0,
    };

    /// <summary>The parts' lengths in bytes, without padding, the first part's first. Errors: a part whose length is not known here.</summary>
    internal int[] PartLengths()
    {
        var lengths = new Stack<int>();
        for (var rest = Type; rest != 0; rest >>= BitsOfPart)
        {
            lengths.Push((rest & PartMask) switch
            {
                IPv4Number or MarkNumber or IntegerNumber => 4,
                IPv6Number => 16,
                ProtocolNumber => 1,
                PortNumber => 2,
                var other => throw new InvalidOperationException($"the length of nft's data type {other} is not known"),
            });
        }

        return [.. lengths];
    }
}

/// <summary>Types that nft prints as <c>typeof ip daddr</c>: with it, a map can have a key that is no packet's field but a random number.</summary>
public static class TypeOf
{
    // nft's enum expr_types, enum proto_desc_id, and the field's number in the header (nftables: expression.h, proto.h)
    private const uint PayloadExpression = 7;
    private const uint MetaExpression = 9;
    private const uint NumberGeneratorExpression = 23;
    private const uint TransportHeader = 11;
    private const uint IPv4Header = 12;
    private const uint IPv6Header = 13;

    public static readonly DataType SourceIPv4 = Of(DataType.IPv4Address, PayloadExpression, IPv4Header, 11);
    public static readonly DataType DestinationIPv4 = Of(DataType.IPv4Address, PayloadExpression, IPv4Header, 12);
    public static readonly DataType SourceIPv6 = Of(DataType.IPv6Address, PayloadExpression, IPv6Header, 8);
    public static readonly DataType DestinationIPv6 = Of(DataType.IPv6Address, PayloadExpression, IPv6Header, 9);

    /// <summary>meta l4proto.</summary>
    public static readonly DataType TransportProtocol = Of(DataType.Protocol, MetaExpression, (uint)MetaKey.TransportProtocol);

    /// <summary>th dport: of TCP, UDP and SCTP alike.</summary>
    public static readonly DataType DestinationPort = Of(DataType.Port, PayloadExpression, TransportHeader, 2);

    /// <summary>numgen random mod so much: a number in host byte order, from 0 on.</summary>
    public static DataType Random(uint modulus) => Of(new DataType(DataType.IntegerNumber, 4), NumberGeneratorExpression, 1, modulus, 0);

    private static DataType Of(DataType type, uint expression, params ReadOnlySpan<uint> values) =>
        type with { TypeOf = UserData.TypeOf(expression, values) };
}
