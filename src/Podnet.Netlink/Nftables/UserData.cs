using System.Text;

namespace Podnet.Netlink.Nftables;

/// <summary>
/// What nft keeps beside an object for itself, which the kernel stores unread: a row of type u8, length u8, value. A comment is
/// text with a NUL (libnftnl, udata.h: NFTNL_UDATA_*).
/// </summary>
/// <remarks>
/// <code>
/// set:     0 key's byte order u32, 1 data's byte order u32, 3 typeof key, 4 typeof data, 6 data are intervals u32, 7 comment
/// typeof:  0 nft's number of the expression u32, 1 { 0 value u32, 1 value u32, ... }
///          or, for a concatenation, 1 { 0 { typeof }, 1 { typeof }, ... }, and nothing in it where nft prints types
/// </code>
/// Numbers are in host byte order.
/// </remarks>
internal static class UserData
{
    /// <summary>NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT, NFTNL_UDATA_RULE_COMMENT and NFTNL_UDATA_SET_ELEM_COMMENT.</summary>
    internal const byte Comment = 0;

    /// <summary>NFTNL_UDATA_COMMENT_MAXLEN in nft is 128 with the NUL. The kernel would take 256.</summary>
    internal const int LongestComment = 127;

    // NFTNL_UDATA_SET_*
    private const byte KeyByteOrder = 0;
    private const byte DataByteOrder = 1;
    private const byte KeyTypeOf = 3;
    private const byte DataTypeOf = 4;
    private const byte DataInterval = 6;
    private const byte SetComment = 7;

    // nft's enum expr_types (nftables, expression.h)
    private const uint VerdictExpression = 1;
    private const uint ConcatExpression = 13;

    /// <summary>NFT_USERDATA_MAXLEN (linux/netfilter/nf_tables.h).</summary>
    private const int Longest = 256;

    /// <summary>What nft writes for a concatenation of types.</summary>
    private static readonly ByteString Types = new([.. Number(0, ConcatExpression), 1, 0]);

    internal static byte[] OfComment(string comment) => Text(Comment, comment);

    internal static byte[] OfSet(Set set)
    {
        byte[] all =
        [
            .. Number(KeyByteOrder, set.Key.ByteOrder),
            .. set.Data is { } order ? Number(DataByteOrder, order.ByteOrder) : [],
            .. TypeOfAttribute(KeyTypeOf, set.Key),
            .. set.Data is { } type ? DataTypeOfAttribute(type, set.Key) : [],
            .. set.Data is null ? [] : Number(DataInterval, 0),
            .. set.Comment is null ? [] : Text(SetComment, set.Comment),
        ];
        return all.Length <= Longest
            ? all
            : throw new ArgumentException($"set {set.Name}: its types and its comment take {all.Length} bytes, and the kernel keeps up to {Longest}: shorten the comment", nameof(set));
    }

    internal static ByteString TypeOf(uint expression, ReadOnlySpan<uint> values)
    {
        List<byte> inner = [];
        for (var i = 0; i < values.Length; i++)
            inner.AddRange(Number((byte)i, values[i]));
        return new ByteString([.. Number(0, expression), .. Attribute(1, [.. inner])]);
    }

    internal static ByteString ConcatenatedTypeOf(ReadOnlySpan<DataType> parts)
    {
        List<byte> inner = [];
        for (var i = 0; i < parts.Length; i++)
            inner.AddRange(Attribute((byte)i, parts[i].TypeOf.Span));
        return new ByteString([.. Number(0, ConcatExpression), .. Attribute(1, [.. inner])]);
    }

    internal static string? CommentIn(ReadOnlySpan<byte> userData) => TextIn(userData, Comment);

    internal static string? CommentInSet(ReadOnlySpan<byte> userData) => TextIn(userData, SetComment);

    internal static ByteString TypeOfKeyIn(ReadOnlySpan<byte> userData) => TypeOfIn(userData, KeyTypeOf);

    internal static ByteString TypeOfDataIn(ReadOnlySpan<byte> userData) => TypeOfIn(userData, DataTypeOf);

    /// <summary>To what nft shows of a comment, at the end of a character.</summary>
    internal static string Cut(string comment)
    {
        const int longestCharacter = 3; // bytes of UTF-8 for each UTF-16 unit
        if (comment.Length <= LongestComment / longestCharacter || Encoding.UTF8.GetByteCount(comment) <= LongestComment)
            return comment;
        var bytes = 0;
        var length = 0;
        foreach (var rune in comment.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > LongestComment)
                break;
            length += rune.Utf16SequenceLength;
        }

        return comment[..length];
    }

    /// <summary>nft reads of a map with typeof that its values are verdicts from here, too.</summary>
    private static byte[] DataTypeOfAttribute(DataType type, DataType key) =>
        type != DataType.Verdict ? TypeOfAttribute(DataTypeOf, type)
        : key.TypeOf.Length == 0 ? []
        : Attribute(DataTypeOf, [.. Number(0, VerdictExpression), 1, 0]);

    private static byte[] TypeOfAttribute(byte attribute, DataType type) =>
        type.TypeOf.Length > 0 ? Attribute(attribute, type.TypeOf.Span)
        : type.IsConcatenation ? Attribute(attribute, Types.Span)
        : [];

    private static ByteString TypeOfIn(ReadOnlySpan<byte> userData, byte type) =>
        Find(userData, type, out var value) && new ByteString(value) is var typeOf && typeOf != Types ? typeOf : default;

    private static byte[] Number(byte type, uint value) => Attribute(type, BitConverter.GetBytes(value));

    private static byte[] Attribute(byte type, ReadOnlySpan<byte> value) =>
        value.Length <= byte.MaxValue
            ? [type, (byte)value.Length, .. value]
            : throw new ArgumentException($"nft user data of {value.Length} bytes: its length field ends at {byte.MaxValue}", nameof(value));

    private static byte[] Text(byte type, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= LongestComment
            ? [type, (byte)(bytes.Length + 1), .. bytes, 0]
            : throw new ArgumentException($"an nf_tables comment of {bytes.Length} bytes: nft shows up to {LongestComment}", nameof(text));
    }

    private static string? TextIn(ReadOnlySpan<byte> userData, byte type) =>
        Find(userData, type, out var value) ? Encoding.UTF8.GetString(value).TrimEnd('\0') : null;

    /// <summary>Foreign user data may be anything: what does not fit the layout is not found.</summary>
    private static bool Find(ReadOnlySpan<byte> userData, byte type, out ReadOnlySpan<byte> value)
    {
        var rest = userData;
        while (rest.Length >= 2 && rest.Length >= 2 + rest[1])
        {
            value = rest.Slice(2, rest[1]);
            if (rest[0] == type)
                return true;
            rest = rest[(2 + rest[1])..];
        }

        value = default;
        return false;
    }
}
