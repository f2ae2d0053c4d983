using static Podnet.Netlink.Nftables.NftablesWire;

namespace Podnet.Netlink.Nftables;

/// <summary>Changes to one table that become true all at once or not at all, however many they are.</summary>
/// <remarks>
/// <code>
/// one datagram:  BatchBegin (resource 10)  message  message ...  BatchEnd
/// </code>
/// The kernel takes a transaction from one datagram only, so the send buffer must hold all of it; what it costs is its own
/// size, not that of the table.
/// </remarks>
public sealed class Transaction
{
    private const NetlinkFlags New = NetlinkFlags.Create;

    /// <summary>
    /// Elements go many to a message. Their list is one attribute, whose length field ends at 65,535; one element needs far
    /// less than what is left over here.
    /// </summary>
    private const int ElementMessageSize = 0xF000;
    private const int LargestElement = 512;

    /// <summary>A rule of some 40 expressions: arbitrary, above any rule of ours.</summary>
    private const int RuleSize = 8192;

    private readonly TableName _table;
    private readonly NetlinkBatch _batch = new();
    private uint _lastSetId;

    /// <param name="generation">
    /// If given, the transaction fails with ERESTART where the ruleset is no longer of this generation, that is, where somebody
    /// changed it after it was read.
    /// </param>
    public Transaction(TableName table, uint? generation = null)
    {
        _table = table;
        var writer = _batch.Begin(BatchBegin, NetlinkFlags.None);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified, Subsystem));
        if (generation is { } id)
            writer.PutU32BigEndian(BatchGeneration, id);
        _batch.End(writer, $"change table {table}");
    }

    /// <summary>Nothing would be changed: there is no reason to send it.</summary>
    public bool IsEmpty => _batch.Count == 1;

    /// <summary>Messages so far.</summary>
    public int Count => _batch.Count - 1;

    /// <summary>Makes the table where it is not there; one that is there keeps its comment.</summary>
    public Transaction AddTable(string? comment = null)
    {
        var writer = Begin(NewTable, NetlinkFlags.None);
        writer.PutText(TableAttribute.Name, _table.Name);
        writer.PutU32BigEndian(TableAttribute.Flags, 0);
        if (comment is not null)
            writer.Put(TableAttribute.UserData, UserData.OfComment(comment));
        return End(writer, $"add table {_table}");
    }

    /// <summary>With all that is in it.</summary>
    public Transaction DeleteTable()
    {
        var writer = Begin(NftablesWire.DeleteTable, NetlinkFlags.None);
        writer.PutText(TableAttribute.Name, _table.Name);
        return End(writer, $"delete table {_table}");
    }

    public Transaction AddChain(Chain chain)
    {
        var writer = Begin(NewChain, New);
        writer.PutText(ChainAttribute.Table, _table.Name);
        writer.PutText(ChainAttribute.Name, chain.Name);
        if (chain.Hook is { } hook)
        {
            writer.PutText(ChainAttribute.Type, NameOf(hook.Type));
            writer.PutU32BigEndian(ChainAttribute.Policy, (uint)hook.Policy);
            var start = writer.BeginNested(ChainAttribute.Hook);
            writer.PutU32BigEndian(ChainAttribute.HookNumber, (uint)hook.Hook);
            writer.PutU32BigEndian(ChainAttribute.HookPriority, (uint)hook.Priority);
            writer.EndNested(start);
        }

        if (chain.Comment is not null)
            writer.Put(ChainAttribute.UserData, UserData.OfComment(chain.Comment));
        return End(writer, $"add chain {_table} {chain.Name}");
    }

    /// <summary>With its rules. Errors: EBUSY while other rules jump to it.</summary>
    public Transaction DeleteChain(string name)
    {
        var writer = Begin(NftablesWire.DeleteChain, NetlinkFlags.None);
        writer.PutText(ChainAttribute.Table, _table.Name);
        writer.PutText(ChainAttribute.Name, name);
        return End(writer, $"delete chain {_table} {name}");
    }

    /// <summary>After all rules that its chain has.</summary>
    public Transaction AppendRule(Rule rule)
    {
        var writer = Begin(NewRule, New | NetlinkFlags.Append, RuleSize);
        writer.PutText(RuleAttribute.Table, _table.Name);
        writer.PutText(RuleAttribute.Chain, rule.Chain);
        var list = writer.BeginNested(RuleAttribute.Expressions);
        foreach (var expression in rule.Expressions)
        {
            var item = writer.BeginNested(ListItem);
            writer.PutText(ExpressionAttribute.Name, expression.Name);
            var data = writer.BeginNested(ExpressionAttribute.Data);
            expression.Put(ref writer);
            writer.EndNested(data);
            writer.EndNested(item);
        }

        writer.EndNested(list);
        if (rule.Comment is not null)
            writer.Put(RuleAttribute.UserData, UserData.OfComment(rule.Comment));
        return End(writer, $"add a rule to {_table} {rule.Chain}");
    }

    /// <summary>All rules of a chain.</summary>
    public Transaction FlushChain(string chain)
    {
        var writer = Begin(DeleteRule, NetlinkFlags.None);
        writer.PutText(RuleAttribute.Table, _table.Name);
        writer.PutText(RuleAttribute.Chain, chain);
        return End(writer, $"flush chain {_table} {chain}");
    }

    public Transaction AddSet(Set set)
    {
        var writer = Begin(NewSet, New);
        writer.PutText(SetAttribute.Table, _table.Name);
        writer.PutText(SetAttribute.Name, set.Name);
        writer.PutU32BigEndian(SetAttribute.Flags, (uint)set.Flags);
        writer.PutU32BigEndian(SetAttribute.KeyType, set.Key.Type);
        writer.PutU32BigEndian(SetAttribute.KeyLength, (uint)set.Key.Length);
        writer.PutU32BigEndian(SetAttribute.Id, ++_lastSetId); // asked for by the kernel, for sets without a name
        writer.Put(SetAttribute.UserData, UserData.OfSet(set.Comment));
        return End(writer, $"add set {_table} {set.Name}");
    }

    /// <summary>With its elements. Errors: EBUSY while rules look it up.</summary>
    public Transaction DeleteSet(string name)
    {
        var writer = Begin(NftablesWire.DeleteSet, NetlinkFlags.None);
        writer.PutText(SetAttribute.Table, _table.Name);
        writer.PutText(SetAttribute.Name, name);
        return End(writer, $"delete set {_table} {name}");
    }

    /// <summary>Errors: EEXIST where an interval overlaps one that is there; an element that is there already is none.</summary>
    public Transaction AddElements(string set, IEnumerable<Element> elements) =>
        PutElements(NewElement, New, set, elements, "add elements to");

    /// <summary>Errors: ENOENT where one is not there.</summary>
    public Transaction DeleteElements(string set, IEnumerable<Element> elements) =>
        PutElements(DeleteElement, NetlinkFlags.None, set, elements, "delete elements of");

    /// <summary>The whole datagram. Nothing can be added afterwards.</summary>
    internal NetlinkBatch Finish()
    {
        var writer = _batch.Begin(BatchEnd, NetlinkFlags.None);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified, Subsystem));
        _batch.End(writer, $"commit table {_table}");
        return _batch;
    }

    private Transaction PutElements(int message, NetlinkFlags flags, string set, IEnumerable<Element> elements, string verb)
    {
        using var rest = elements.GetEnumerator();
        var more = rest.MoveNext();
        while (more)
        {
            var writer = Begin(message, flags, ElementMessageSize);
            writer.PutText(ElementAttribute.Table, _table.Name);
            writer.PutText(ElementAttribute.Set, set);
            var list = writer.BeginNested(ElementAttribute.List);
            for (; more && writer.Length < ElementMessageSize - LargestElement; more = rest.MoveNext())
            {
                PutElement(ref writer, rest.Current.Key, 0);
                if (rest.Current.End is { } end)
                    PutElement(ref writer, end, ElementAttribute.IntervalEnd);
            }

            writer.EndNested(list);
            End(writer, $"{verb} {_table} {set}");
        }

        return this;
    }

    private static void PutElement(ref NetlinkWriter writer, ByteString key, uint flags)
    {
        var item = writer.BeginNested(ListItem);
        if (flags != 0)
            writer.PutU32BigEndian(ElementAttribute.Flags, flags);
        PutData(ref writer, ElementAttribute.Key, key);
        writer.EndNested(item);
    }

    private NetlinkWriter Begin(int message, NetlinkFlags flags, int size = 1024)
    {
        var writer = _batch.Begin(NftablesWire.Type(message), flags, size);
        writer.PutFixed(new NetfilterHeader((byte)_table.Family));
        return writer;
    }

    private Transaction End(in NetlinkWriter writer, string operation)
    {
        _batch.End(writer, operation);
        return this;
    }
}
