namespace Podnet.Netlink.Nftables;

/// <summary>Ends the rule unless the comparison holds.</summary>
public sealed record Compare(Comparison Comparison, ByteString Value, Register Source = Register.R1) : Expression
{
    internal const string Kind = "cmp";

    // NFTA_CMP_*
    private const int SourceAttribute = 1;
    private const int ComparisonAttribute = 2;
    private const int DataAttribute = 3;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(SourceAttribute, (uint)Source);
        writer.PutU32BigEndian(ComparisonAttribute, (uint)Comparison);
        NftablesWire.PutData(ref writer, DataAttribute, Value.Span);
    }

    internal static Compare Read(in ExpressionData data) =>
        new((Comparison)data.U32(ComparisonAttribute), data.Bytes(DataAttribute), (Register)data.U32(SourceAttribute));
}

/// <summary>NFT_CMP_*.</summary>
public enum Comparison : uint
{
    Equal = 0,
    NotEqual = 1,
    Less = 2,
    LessOrEqual = 3,
    Greater = 4,
    GreaterOrEqual = 5,
}

/// <summary>Leaves <c>(value &amp; Mask) ^ Xor</c> where the value was.</summary>
public sealed record Bitwise(ByteString Mask, ByteString Xor, Register Register = Register.R1) : Expression
{
    internal const string Kind = "bitwise";

    // NFTA_BITWISE_*
    private const int SourceAttribute = 1;
    private const int DestinationAttribute = 2;
    private const int LengthAttribute = 3;
    private const int MaskAttribute = 4;
    private const int XorAttribute = 5;
    private const int OperationAttribute = 6;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(SourceAttribute, (uint)Register);
        writer.PutU32BigEndian(DestinationAttribute, (uint)Register);
        writer.PutU32BigEndian(OperationAttribute, 0); // NFT_BITWISE_MASK_XOR
        writer.PutU32BigEndian(LengthAttribute, (uint)Mask.Length);
        NftablesWire.PutData(ref writer, MaskAttribute, Mask.Span);
        NftablesWire.PutData(ref writer, XorAttribute, Xor.Span);
    }

    /// <summary>Null for what this record cannot say: shifts, and another register for the result.</summary>
    internal static Bitwise? Read(in ExpressionData data) =>
        data.U32(OperationAttribute) == 0 && data.U32(SourceAttribute) == data.U32(DestinationAttribute)
            ? new Bitwise(data.Bytes(MaskAttribute), data.Bytes(XorAttribute), (Register)data.U32(SourceAttribute))
            : null;
}

/// <summary>Decides, or goes on in another chain.</summary>
/// <param name="Chain">For Jump and Goto alone.</param>
public sealed record Verdict(VerdictCode Code, string? Chain = null) : Expression
{
    internal const string Kind = "immediate";

    // NFTA_IMMEDIATE_*, NFTA_DATA_VERDICT, NFTA_VERDICT_*
    internal const int DestinationAttribute = 1;
    internal const int DataAttribute = 2;
    private const int VerdictAttribute = 2;
    private const int CodeAttribute = 1;
    private const int ChainAttribute = 2;

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(DestinationAttribute, (uint)Register.Verdict);
        PutData(ref writer, DataAttribute);
    }

    internal void PutData(ref NetlinkWriter writer, int attribute)
    {
        var data = writer.BeginNested(attribute);
        var verdict = writer.BeginNested(VerdictAttribute);
        writer.PutU32BigEndian(CodeAttribute, (uint)Code);
        if (Chain is not null)
            writer.PutText(ChainAttribute, Chain);
        writer.EndNested(verdict);
        writer.EndNested(data);
    }

    /// <summary>Null for a <see cref="Constant"/>, which has the same kind.</summary>
    internal static Verdict? Read(in ExpressionData data) => ReadData(data.Nested(DataAttribute));

    /// <summary>Null for data that are a value.</summary>
    internal static Verdict? ReadData(in ExpressionData data)
    {
        if (!data.Has(VerdictAttribute))
            return null;
        var verdict = data.Nested(VerdictAttribute);
        return new Verdict(
            (VerdictCode)(int)verdict.U32(CodeAttribute),
            verdict.Has(ChainAttribute) ? verdict.Text(ChainAttribute) : null);
    }
}

/// <summary>NF_* (linux/netfilter.h) and NFT_*.</summary>
public enum VerdictCode
{
    Drop = 0,
    Accept = 1,
    Jump = -3,
    Goto = -4,
    Return = -5,
}

/// <summary>Counts packets and bytes. Any two are equal: a rule that has counted is still the rule that was wanted.</summary>
public sealed record Counter(ulong Packets = 0, ulong Bytes = 0) : Expression
{
    internal const string Kind = "counter";

    // NFTA_COUNTER_*
    private const int BytesAttribute = 1;
    private const int PacketsAttribute = 2;

    internal override string Name => Kind;

    public bool Equals(Counter? other) => other is not null;

    public override int GetHashCode() => 0;

    internal override void Put(ref NetlinkWriter writer)
    {
        if (Packets == 0 && Bytes == 0)
            return;
        writer.PutU64BigEndian(BytesAttribute, Bytes);
        writer.PutU64BigEndian(PacketsAttribute, Packets);
    }

    internal static Counter Read(in ExpressionData data) => new(data.U64(PacketsAttribute), data.U64(BytesAttribute));
}

/// <summary>Source NAT to the address of the interface that the packet leaves by; postrouting only.</summary>
public sealed record Masquerade(PortChoice Ports = PortChoice.Kept) : Expression
{
    internal const string Kind = "masq";
    private const int FlagsAttribute = 1; // NFTA_MASQ_FLAGS

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        if (Ports != PortChoice.Kept)
            writer.PutU32BigEndian(FlagsAttribute, (uint)Ports);
    }

    internal static Masquerade Read(in ExpressionData data) => new((PortChoice)data.U32(FlagsAttribute));
}

/// <summary>NF_NAT_RANGE_PROTO_RANDOM* (linux/netfilter/nf_nat.h).</summary>
public enum PortChoice : uint
{
    /// <summary>The client's own source port where it is free.</summary>
    Kept = 0,

    /// <summary>
    /// Always a random one. Two packets that are translated at the same moment on two processors then hardly ever choose the
    /// same port, which would cost one of them (the lost DNS queries of pods).
    /// </summary>
    FullyRandom = 1 << 4,
}

/// <summary>An expression that was read back and that this library has no record for: it is equal to none that anybody wants.</summary>
public sealed record UnknownExpression(string Kind) : Expression
{
    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer) =>
        throw new InvalidOperationException($"the nf_tables expression {Kind} is not known well enough to write it");
}
