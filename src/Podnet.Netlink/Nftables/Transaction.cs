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

    /// <summary>A rule of some 40 expressions: arbitrary, above any rule of ours.</summary>
    private const int RuleSize = 8192;

    private readonly TableName _table;
    private readonly NetlinkBatch _batch = new();
    private uint _lastSetId;
    private bool _writesElements;

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
        var constants = PutConstants(rule);
        var writer = Begin(NewRule, New | NetlinkFlags.Append, RuleSize);
        writer.PutText(RuleAttribute.Table, _table.Name);
        writer.PutText(RuleAttribute.Chain, rule.Chain);
        var list = writer.BeginNested(RuleAttribute.Expressions);
        foreach (var expression in rule.Expressions)
        {
            var item = writer.BeginNested(ListItem);
            if (expression is OneOf oneOf)
                PutLookup(ref writer, constants.Dequeue(), oneOf.Source);
            else
                PutExpression(ref writer, expression);
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
        var writer = Begin(NftablesWire.DeleteRule, NetlinkFlags.None);
        writer.PutText(RuleAttribute.Table, _table.Name);
        writer.PutText(RuleAttribute.Chain, chain);
        return End(writer, $"flush chain {_table} {chain}");
    }

    public Transaction AddSet(Set set)
    {
        PutSet(set, ++_lastSetId); // asked for by the kernel, for sets without a name
        return this;
    }

    /// <summary>With its elements. Errors: EBUSY while rules look it up.</summary>
    public Transaction DeleteSet(string name)
    {
        var writer = Begin(NftablesWire.DeleteSet, NetlinkFlags.None);
        writer.PutText(SetAttribute.Table, _table.Name);
        writer.PutText(SetAttribute.Name, name);
        return End(writer, $"delete set {_table} {name}");
    }

    /// <summary>
    /// Errors: EEXIST where an interval overlaps one that is there, or a map has another value for the key; an element that is there already is none.
    /// </summary>
    public Transaction AddElements(string set, IEnumerable<Element> elements) => PutElements(AddingElements(set, CountOf(elements)), elements);

    /// <summary>As <see cref="AddElements"/>, for more elements than should be objects.</summary>
    /// <param name="count">How many come, or more; int.MaxValue where nobody knows.</param>
    public ElementWriter AddingElements(string set, int count) => new(this, new ElementChange(set, 0, NewElement, New, "add elements to"), count);

    /// <summary>Only their keys matter. Errors: ENOENT where one is not there.</summary>
    public Transaction DeleteElements(string set, IEnumerable<Element> elements) => PutElements(DeletingElements(set, CountOf(elements)), elements);

    /// <summary>As <see cref="DeleteElements"/>, for more elements than should be objects: keys without data.</summary>
    public ElementWriter DeletingElements(string set, int count) =>
        new(this, new ElementChange(set, 0, DeleteElement, NetlinkFlags.None, "delete elements of"), count);

    /// <summary>The whole datagram. Nothing can be added afterwards.</summary>
    internal NetlinkBatch Finish()
    {
        if (_writesElements)
            throw new InvalidOperationException("elements are being written: end that first");
        var writer = _batch.Begin(BatchEnd, NetlinkFlags.None);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified, Subsystem));
        _batch.End(writer, $"commit table {_table}");
        return _batch;
    }

    internal NetlinkWriter BeginElements(ElementChange change, int size)
    {
        var writer = Begin(change.Message, change.Flags, size);
        _writesElements = true;
        writer.PutText(ElementAttribute.Table, _table.Name);
        writer.PutText(ElementAttribute.Set, change.Set);
        if (change.SetId != 0)
            writer.PutU32BigEndian(ElementAttribute.SetId, change.SetId);
        return writer;
    }

    internal void EndElements(in NetlinkWriter writer, ElementChange change)
    {
        _writesElements = false;
        End(writer, $"{change.Verb} {_table} {change.Set}");
    }

    private static int CountOf(IEnumerable<Element> elements) => elements.TryGetNonEnumeratedCount(out var count) ? count : int.MaxValue;

    private Transaction PutElements(ElementWriter writer, IEnumerable<Element> elements)
    {
        foreach (var element in elements)
            writer.Add(element);
        writer.End();
        return this;
    }

    private void PutSet(Set set, uint id)
    {
        var flags = (uint)set.Flags | (set.Data is null ? 0 : SetAttribute.Map);
        var hasParts = set.Flags.HasFlag(SetFlags.Interval) && set.Key.IsConcatenation;
        var writer = Begin(NewSet, New);
        writer.PutText(SetAttribute.Table, _table.Name);
        writer.PutText(SetAttribute.Name, set.Name);
        writer.PutU32BigEndian(SetAttribute.Flags, hasParts ? flags | SetAttribute.Concatenation : flags);
        writer.PutU32BigEndian(SetAttribute.KeyType, set.Key.Type);
        writer.PutU32BigEndian(SetAttribute.KeyLength, (uint)set.Key.Length);
        if (set.Data is { } data)
        {
            writer.PutU32BigEndian(SetAttribute.DataType, data.Type);
            writer.PutU32BigEndian(SetAttribute.DataLength, (uint)data.Length);
        }

        writer.PutU32BigEndian(SetAttribute.Id, id);
        if (set.Size != 0 || hasParts)
            PutDescription(ref writer, set, hasParts);
        writer.Put(SetAttribute.UserData, UserData.OfSet(set));
        if (set.Counter)
        {
            var expression = writer.BeginNested(SetAttribute.Expression);
            PutExpression(ref writer, new Counter());
            writer.EndNested(expression);
        }

        End(writer, $"add set {_table} {set.Name}");
    }

    private static void PutDescription(ref NetlinkWriter writer, Set set, bool hasParts)
    {
        var description = writer.BeginNested(SetAttribute.Description);
        if (set.Size != 0)
            writer.PutU32BigEndian(SetAttribute.DescribedSize, set.Size);
        if (hasParts)
        {
            var parts = writer.BeginNested(SetAttribute.DescribedParts);
            foreach (var length in set.Key.PartLengths())
            {
                var part = writer.BeginNested(ListItem);
                writer.PutU32BigEndian(SetAttribute.PartLength, (uint)length);
                writer.EndNested(part);
            }

            writer.EndNested(parts);
        }

        writer.EndNested(description);
    }

    /// <summary>The sets without a name that a rule needs; their numbers in the rule's order.</summary>
    private Queue<uint> PutConstants(Rule rule)
    {
        var ids = new Queue<uint>();
        foreach (var oneOf in rule.Expressions.OfType<OneOf>())
        {
            var id = ++_lastSetId;
            PutSet(new Set(OneOf.SetName, oneOf.Type) { Flags = SetFlags.Anonymous | SetFlags.Constant, Size = (uint)oneOf.Values.Length }, id);
            PutElements(
                new ElementWriter(this, new ElementChange(OneOf.SetName, id, NewElement, New, "add elements to"), oneOf.Values.Length),
                oneOf.Values.Select(value => new Element(value)));
            ids.Enqueue(id);
        }

        return ids;
    }

    private static void PutExpression(ref NetlinkWriter writer, Expression expression)
    {
        writer.PutText(ExpressionAttribute.Name, expression.Name);
        var data = writer.BeginNested(ExpressionAttribute.Data);
        expression.Put(ref writer);
        writer.EndNested(data);
    }

    private static void PutLookup(ref NetlinkWriter writer, uint setId, Register source)
    {
        writer.PutText(ExpressionAttribute.Name, Lookup.Kind);
        var data = writer.BeginNested(ExpressionAttribute.Data);
        Lookup.Put(ref writer, setId, source);
        writer.EndNested(data);
    }

    private NetlinkWriter Begin(int message, NetlinkFlags flags, int size = 1024)
    {
        if (_writesElements)
            throw new InvalidOperationException("elements are being written: end that first");
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
