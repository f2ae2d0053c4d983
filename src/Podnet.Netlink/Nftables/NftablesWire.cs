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
    internal const int NewGeneration = 15;
    internal const int GetGeneration = 16;

    // NFTA_GEN_*
    internal const int GenerationId = 1;
    internal const int GenerationProcess = 2;
    internal const int GenerationProcessName = 3;

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
        internal const int DataType = 6;
        internal const int DataLength = 7;
        internal const int Description = 9;
        internal const int Id = 10;
        internal const int UserData = 13;
        internal const int Expression = 17;

        // NFTA_SET_DESC_*, NFTA_SET_FIELD_LEN
        internal const int DescribedSize = 1;
        internal const int DescribedParts = 2;
        internal const int PartLength = 1;

        // NFT_SET_*: what follows from the set's types
        internal const uint Map = 0x8;
        internal const uint Concatenation = 0x80;
    }

    /// <summary>NFTA_SET_ELEM_LIST_* and NFTA_SET_ELEM_*.</summary>
    internal static class ElementAttribute
    {
        internal const int Table = 1;
        internal const int Set = 2;
        internal const int List = 3;
        internal const int SetId = 4;

        internal const int Key = 1;
        internal const int Data = 2;
        internal const int Flags = 3;
        internal const int Timeout = 4;
        internal const int Expiration = 5;
        internal const int UserData = 6;
        internal const int Expression = 7;
        internal const int KeyEnd = 10;
        internal const int Expressions = 11;
        internal const uint IntervalEnd = 1; // NFT_SET_ELEM_INTERVAL_END
    }

    internal static ushort Type(int message) => NetfilterHeader.Type(Subsystem, message);

    internal static ulong Milliseconds(TimeSpan time) => (ulong)(time.Ticks / TimeSpan.TicksPerMillisecond);

    /// <summary>An attribute of data that is a value: NFTA_DATA_VALUE in it.</summary>
    internal static void PutData(ref NetlinkWriter writer, int attribute, scoped ReadOnlySpan<byte> value)
    {
        var data = writer.BeginNested(attribute);
        writer.Put(DataValue, value);
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
