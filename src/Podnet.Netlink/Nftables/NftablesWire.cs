using System.Text;

namespace Podnet.Netlink.Nftables;

/// <summary>
/// nf_tables' messages and attributes (linux/netfilter/nf_tables.h), under .NET names with the header's behind them. All
/// numbers are in network byte order.
/// </summary>
internal static class NftablesWire
{
    internal const int Subsystem = 10; // NFNL_SUBSYS_NFTABLES

    // NFNL_MSG_BATCH_* (linux/netfilter/nfnetlink.h)
    internal const ushort BatchBegin = 0x10;
    internal const ushort BatchEnd = 0x11;
    internal const int BatchGeneration = 1; // NFNL_BATCH_GENID

    // NFT_MSG_*
    internal const int NewTable = 0;
    internal const int GetTable = 1;
    internal const int DeleteTable = 2;
    internal const int NewChain = 3;
    internal const int GetChain = 4;
    internal const int DeleteChain = 5;
    internal const int NewRule = 6;
    internal const int GetRule = 7;
    internal const int DeleteRule = 8;
    internal const int NewSet = 9;
    internal const int GetSet = 10;
    internal const int DeleteSet = 11;
    internal const int NewElement = 12;
    internal const int GetElement = 13;
    internal const int DeleteElement = 14;
    internal const int GetGeneration = 16;

    internal const int GenerationId = 1; // NFTA_GEN_ID
    internal const int ListItem = 1;     // NFTA_LIST_ELEM
    internal const int DataValue = 1;    // NFTA_DATA_VALUE

    /// <summary>NFTA_TABLE_*.</summary>
    internal static class TableAttribute
    {
        internal const int Name = 1;
        internal const int Flags = 2;
        internal const int UserData = 6;
    }

    /// <summary>NFTA_CHAIN_* and NFTA_HOOK_*.</summary>
    internal static class ChainAttribute
    {
        internal const int Table = 1;
        internal const int Name = 3;
        internal const int Hook = 4;
        internal const int Policy = 5;
        internal const int Type = 7;
        internal const int UserData = 12;

        internal const int HookNumber = 1;
        internal const int HookPriority = 2;
    }

    /// <summary>NFTA_RULE_*.</summary>
    internal static class RuleAttribute
    {
        internal const int Table = 1;
        internal const int Chain = 2;
        internal const int Handle = 3;
        internal const int Expressions = 4;
        internal const int UserData = 7;
    }

    /// <summary>NFTA_EXPR_*.</summary>
    internal static class ExpressionAttribute
    {
        internal const int Name = 1;
        internal const int Data = 2;
    }

    /// <summary>NFTA_SET_*.</summary>
    internal static class SetAttribute
    {
        internal const int Table = 1;
        internal const int Name = 2;
        internal const int Flags = 3;
        internal const int KeyType = 4;
        internal const int KeyLength = 5;
        internal const int Id = 10;
        internal const int UserData = 13;
    }

    /// <summary>NFTA_SET_ELEM_LIST_* and NFTA_SET_ELEM_*.</summary>
    internal static class ElementAttribute
    {
        internal const int Table = 1;
        internal const int Set = 2;
        internal const int List = 3;

        internal const int Key = 1;
        internal const int Flags = 3;
        internal const uint IntervalEnd = 1; // NFT_SET_ELEM_INTERVAL_END
    }

    internal static ushort Type(int message) => NetfilterHeader.Type(Subsystem, message);

    /// <summary>An attribute of data that is a value: NFTA_DATA_VALUE in it.</summary>
    internal static void PutData(ref NetlinkWriter writer, int attribute, ByteString value)
    {
        var data = writer.BeginNested(attribute);
        writer.Put(DataValue, value.Span);
        writer.EndNested(data);
    }

    internal static string NameOf(ChainType type) => type switch
    {
        ChainType.Nat => "nat",
        ChainType.Route => "route",
        _ => "filter",
    };

    internal static ChainType ChainTypeOf(string name) => name switch
    {
        "nat" => ChainType.Nat,
        "route" => ChainType.Route,
        _ => ChainType.Filter,
    };
}

/// <summary>
/// What nft keeps beside an object for itself, which the kernel stores unread: a row of type u8, length u8, value. A comment is
/// text with a NUL (libnftnl, udata.h: NFTNL_UDATA_*).
/// </summary>
internal static class UserData
{
    /// <summary>NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT and NFTNL_UDATA_RULE_COMMENT.</summary>
    internal const byte Comment = 0;

    /// <summary>NFTNL_UDATA_SET_KEYBYTEORDER: a u32 in host byte order, 2 for keys in network byte order.</summary>
    private const byte SetKeyByteOrder = 0;
    private const byte SetComment = 7; // NFTNL_UDATA_SET_COMMENT
    private const byte NetworkByteOrder = 2;

    internal static byte[] OfComment(string comment) => Text(Comment, comment);

    internal static byte[] OfSet(string? comment)
    {
        byte[] order = [SetKeyByteOrder, sizeof(uint), NetworkByteOrder, 0, 0, 0];
        return comment is null ? order : [.. order, .. Text(SetComment, comment)];
    }

    internal static string? CommentIn(ReadOnlySpan<byte> userData) => Find(userData, Comment);

    internal static string? CommentInSet(ReadOnlySpan<byte> userData) => Find(userData, SetComment);

    private static byte[] Text(byte type, string text)
    {
        const int longest = 127; // NFTNL_UDATA_COMMENT_MAXLEN in nft is 128 with the NUL
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= longest
            ? [type, (byte)(bytes.Length + 1), .. bytes, 0]
            : throw new ArgumentException($"an nf_tables comment of {bytes.Length} bytes: nft shows up to {longest}", nameof(text));
    }

    /// <summary>Foreign user data may be anything: what does not fit the layout has no comment.</summary>
    private static string? Find(ReadOnlySpan<byte> userData, byte type)
    {
        var rest = userData;
        while (rest.Length >= 2 && rest.Length >= 2 + rest[1])
        {
            if (rest[0] == type)
                return Encoding.UTF8.GetString(rest.Slice(2, rest[1])).TrimEnd('\0');
            rest = rest[(2 + rest[1])..];
        }

        return null;
    }
}
