using System.Collections.Immutable;

namespace Podnet.Netlink.Nftables;

/// <summary>Ends the rule unless the value in the registers from <paramref name="Source"/> on is in the set.</summary>
/// <param name="Inverted">Ends it where the value is in the set instead.</param>
public sealed record Lookup(string Set, bool Inverted = false, Register Source = Register.R1) : Expression
{
    internal const string Kind = "lookup";

    // NFTA_LOOKUP_*
    private const int SetAttribute = 1;
    private const int SourceAttribute = 2;
    private const int DestinationAttribute = 3;
    private const int SetIdAttribute = 4;
    private const int FlagsAttribute = 5;
    private const uint InvertFlag = 1; // NFT_LOOKUP_F_INV

    /// <summary>In a map: where what the value leads to is put. <see cref="Register.Verdict"/> where it is a verdict.</summary>
    public Register? Destination { get; init; }

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(SourceAttribute, (uint)Source);
        if (Destination is { } destination)
            writer.PutU32BigEndian(DestinationAttribute, (uint)destination);
        writer.PutText(SetAttribute, Set);
        if (Inverted)
            writer.PutU32BigEndian(FlagsAttribute, InvertFlag);
    }

    /// <summary>In a set that the same transaction makes and that has no name yet.</summary>
    internal static void Put(ref NetlinkWriter writer, uint setId, Register source)
    {
        writer.PutU32BigEndian(SourceAttribute, (uint)source);
        writer.PutText(SetAttribute, OneOf.SetName);
        writer.PutU32BigEndian(SetIdAttribute, setId);
    }

    internal static Lookup Read(in ExpressionData data) =>
        new(data.Text(SetAttribute), (data.U32(FlagsAttribute) & InvertFlag) != 0, (Register)data.U32(SourceAttribute))
        {
            Destination = data.Has(DestinationAttribute) ? (Register)data.U32(DestinationAttribute) : null,
        };
}

/// <summary>
/// Ends the rule unless the register's value is one of these: <c>meta l4proto { tcp, udp, sctp }</c>. The kernel has a set for it, without a
/// name, that comes and goes with the rule.
/// </summary>
public sealed record OneOf(DataType Type, ImmutableArray<ByteString> Values, Register Source = Register.R1) : Expression
{
    /// <summary>The kernel puts a number for %d.</summary>
    internal const string SetName = "__set%d";

    internal override string Name => Lookup.Kind;

    public bool Equals(OneOf? other) =>
        other is not null && Type == other.Type && Source == other.Source && Values.ToHashSet().SetEquals(other.Values);

    public override int GetHashCode() => HashCode.Combine(Type, Source, Values.Length);

    /// <summary>A transaction writes it as a set with a number of its own.</summary>
    internal override void Put(ref NetlinkWriter writer) => throw new InvalidOperationException("a set without a name has no number outside a transaction");
}

/// <summary>
/// Puts an element into a set, or a map, that is <see cref="SetFlags.Dynamic"/>. One that is there already keeps its data, and its timeout starts
/// anew. Where the set is full, the rule ends here. Key and data must not come out of a map: nft 1.0.6 aborts where it lists such a rule, although
/// the kernel carries it out.
/// </summary>
/// <param name="Data">For a map alone.</param>
/// <param name="Timeout">To the millisecond; null for the set's own.</param>
public sealed record UpdateSet(string Set, Register Key, Register? Data, TimeSpan? Timeout) : Expression
{
    internal const string Kind = "dynset";

    // NFTA_DYNSET_*
    private const int SetAttribute = 1;
    private const int OperationAttribute = 3;
    private const int KeyAttribute = 4;
    private const int DataAttribute = 5;
    private const int TimeoutAttribute = 6;
    private const int ExpressionAttribute = 7;
    private const int FlagsAttribute = 9;
    private const int ExpressionsAttribute = 10;
    private const uint UpdateOperation = 1; // NFT_DYNSET_OP_UPDATE

    internal override string Name => Kind;

    internal override void Put(ref NetlinkWriter writer)
    {
        writer.PutU32BigEndian(KeyAttribute, (uint)Key);
        if (Data is { } data)
            writer.PutU32BigEndian(DataAttribute, (uint)data);
        writer.PutU32BigEndian(OperationAttribute, UpdateOperation);
        if (Timeout is { } timeout)
            writer.PutU64BigEndian(TimeoutAttribute, NftablesWire.Milliseconds(timeout));
        writer.PutText(SetAttribute, Set);
    }

    /// <summary>Null for what this record cannot say: another operation, an inverted one, elements with expressions.</summary>
    internal static UpdateSet? Read(in ExpressionData data) =>
        data.U32(OperationAttribute) != UpdateOperation || data.U32(FlagsAttribute) != 0
        || data.Has(ExpressionAttribute) || data.Has(ExpressionsAttribute)
            ? null
            : new UpdateSet(
                data.Text(SetAttribute),
                (Register)data.U32(KeyAttribute),
                data.Has(DataAttribute) ? (Register)data.U32(DataAttribute) : null,
                data.U64(TimeoutAttribute) is var timeout and not 0 ? TimeSpan.FromMilliseconds(timeout) : null);
}
