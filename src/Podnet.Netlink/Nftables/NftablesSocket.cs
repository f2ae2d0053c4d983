using Podnet.Linux;
using static Podnet.Netlink.Nftables.NftablesWire;

namespace Podnet.Netlink.Nftables;

/// <summary>The nf_tables ruleset of one network namespace: that of the thread which made this.</summary>
public sealed class NftablesSocket : IDisposable
{
    /// <summary>Tries to read a table in between changes of others: arbitrary.</summary>
    private const int ReadTries = 20;

    /// <summary>
    /// Keys to a request. Each is answered in a message of its own, and all of them wait in the receive buffer (208 KiB,
    /// net.core.rmem_default), which books up to 2 KiB for one: half of what fits.
    /// </summary>
    private const int KeysAtOnce = 48;

    private readonly NetlinkSocket _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);

    /// <summary>What <see cref="NftablesEvent.Port"/> is for changes made through this socket.</summary>
    public uint Port => _socket.Port;

    /// <summary>
    /// Carries it out, all or nothing. Errors name the change that broke it; ERESTART says that somebody else changed the
    /// ruleset after the generation that the transaction is for.
    /// </summary>
    public void Commit(Transaction transaction) => _socket.ExecuteAsOne(transaction.Finish());

    /// <summary>A number that every committed transaction, anybody's, makes greater.</summary>
    public uint Generation()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetGeneration), NetlinkFlags.None);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified));
        request.End(writer, "read the ruleset's generation");
        return _socket.Get(request, message => new Box<uint>(new ExpressionData(message.AttributesAfter<NetfilterHeader>()).U32(GenerationId)))!.Value;
    }

    /// <summary>A table and what is in it, as it was in one moment; null where it is not there.</summary>
    /// <param name="elementsOf">
    /// Whose elements are wanted, by the set's name; of every set without it. A table may hold sets of others that are far too
    /// large to be read along.
    /// </param>
    public TableContent? Read(TableName table, Predicate<string>? elementsOf = null)
    {
        for (var attempt = 0; attempt < ReadTries; attempt++)
        {
            var generation = Generation();
            try
            {
                var content = ReadOnce(table, elementsOf, generation);
                if (Generation() == generation)
                    return content;
            }
            catch (KernelException e) when (e.Errno == Errno.NoEntry)
            {
                // The table or a set of it went away between two of the requests: look again.
            }
        }

        throw new KernelException(Errno.Interrupted, $"read table {table}", $"changed during each of {ReadTries} attempts");
    }

    /// <summary>Whether there is such a table, whatever is in it: one request.</summary>
    public bool HasTable(TableName table)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetTable), NetlinkFlags.Ack);
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(TableAttribute.Name, table.Name);
        request.End(writer, $"look for table {table}");
        return IsThere(request);
    }

    /// <summary>Whether there is such a chain, whatever is in it: one request.</summary>
    public bool HasChain(TableName table, string chain)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetChain), NetlinkFlags.Ack);
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(ChainAttribute.Table, table.Name);
        writer.PutText(ChainAttribute.Name, chain);
        request.End(writer, $"look for chain {chain} of table {table}");
        return IsThere(request);
    }

    /// <summary>
    /// The elements of these keys, in their order; null for one that is not there. What it takes grows with the keys alone, where a dump of a
    /// large set takes time with its square. Not for sets of intervals. Not of one moment. Errors: ENOENT where the set is not there.
    /// </summary>
    public Element?[] GetElements(TableName table, string set, IReadOnlyList<ByteString> keys)
    {
        var elements = new Element?[keys.Count];
        List<Box<Element>> replies = [];
        for (var next = 0; next < keys.Count;)
        {
            replies.Clear();
            var count = Math.Min(KeysAtOnce, keys.Count - next);
            var failure = _socket.GetAll(RequestElements(table, set, keys, next, count), NftablesDecoder.Element, replies);
            for (var i = 0; i < replies.Count; i++)
                elements[next + i] = replies[i].Value;
            next += replies.Count;
            if (failure is null)
                continue;
            // The kernel stops at the first key that is not there. Without the set it does not come to the first one either.
            if (failure.Errno != Errno.NoEntry || replies.Count == count || (replies.Count == 0 && !HasSet(table, set)))
                throw failure;
            next++;
        }

        return elements;
    }

    public void Dispose() => _socket.Dispose();

    private static NetlinkBatch RequestElements(TableName table, string set, IReadOnlyList<ByteString> keys, int first, int count)
    {
        const int bytesOfKey = 80; // 64 (NFT_DATA_VALUE_MAXLEN) and three headers, with some room
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetElement), NetlinkFlags.Ack, 1024 + (count * bytesOfKey));
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(ElementAttribute.Table, table.Name);
        writer.PutText(ElementAttribute.Set, set);
        var list = writer.BeginNested(ElementAttribute.List);
        for (var i = first; i < first + count; i++)
        {
            var item = writer.BeginNested(ListItem);
            PutData(ref writer, ElementAttribute.Key, keys[i].Span);
            writer.EndNested(item);
        }

        writer.EndNested(list);
        request.End(writer, $"read elements of {table} {set}");
        return request;
    }

    private bool IsThere(NetlinkBatch request) => _socket.GetAll(request, _ => (object?)null, []) switch
    {
        null => true,
        { Errno: Errno.NoEntry } => false,
        var failure => throw failure,
    };

    private bool HasSet(TableName table, string set)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetSet), NetlinkFlags.Ack);
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(SetAttribute.Table, table.Name);
        writer.PutText(SetAttribute.Name, set);
        request.End(writer, $"read set {table} {set}");
        return _socket.GetAll(request, _ => (object?)null, []) is null;
    }

    private TableContent? ReadOnce(TableName name, Predicate<string>? elementsOf, uint generation)
    {
        if (Dump(name, GetTable, TableAttribute.Name, NftablesDecoder.Table) is not [var table, ..])
            return null;
        var sets = Dump(name, GetSet, SetAttribute.Table, NftablesDecoder.Set);
        var rules = Dump(name, GetRule, RuleAttribute.Table, NftablesDecoder.Rule);
        var named = sets.FindAll(set => !set.Flags.HasFlag(SetFlags.Anonymous));
        return new TableContent(table, generation)
        {
            Chains = Dump(name, GetChain, ChainAttribute.Table, NftablesDecoder.Chain),
            Rules = WithConstants(name, rules, sets.Where(set => set.Flags.HasFlag(SetFlags.Anonymous)).ToDictionary(set => set.Name)),
            Sets = named,
            Elements = named.Where(set => elementsOf is null || elementsOf(set.Name))
                .ToDictionary(set => set.Name, set => ReadElements(name, set.Name)),
        };
    }

    /// <summary>A set without a name is part of its rule.</summary>
    private List<Rule> WithConstants(TableName table, List<Rule> rules, Dictionary<string, Set> anonymous)
    {
        if (anonymous.Count == 0)
            return rules;
        return rules.ConvertAll(rule => rule with { Expressions = [.. rule.Expressions.Select(Resolve)] });

        Expression Resolve(Expression expression) =>
            expression is Lookup { Inverted: false, Destination: null } lookup && anonymous.TryGetValue(lookup.Set, out var set)
            && !set.Flags.HasFlag(SetFlags.Interval)
                ? new OneOf(set.Key, [.. ReadElements(table, set.Name).Select(element => element.Key)], lookup.Source)
                : expression;
    }

    /// <summary>Not every kernel applies the table's name to every dump, so it is applied here again.</summary>
    private List<T> Dump<T>(TableName table, int message, int nameAttribute, Func<NetlinkMessage, (string Table, T Value)> decode)
        where T : class
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(message), NetlinkFlags.Dump);
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(nameAttribute, table.Name);
        request.End(writer, $"read table {table}");
        return _socket.Dump(request, reply => decode(reply) is var (name, value) && name == table.Name ? value : null);
    }

    /// <summary>
    /// A hash set that has just grown is rehashed in the background, and the kernel goes on with a dump by the number of
    /// elements it has sent: it then sends some twice, and as many not at all, without a word (measured on Linux 6.18). So a
    /// dump that has a key twice is read again. The time for a dump grows with the square of the set: 4 s for 250,000 elements.
    /// </summary>
    private List<Element> ReadElements(TableName table, string set)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NftablesWire.Type(GetElement), NetlinkFlags.Dump);
        writer.PutFixed(new NetfilterHeader((byte)table.Family));
        writer.PutText(ElementAttribute.Table, table.Name);
        writer.PutText(ElementAttribute.Set, set);
        request.End(writer, $"read the elements of {table} {set}");
        for (var attempt = 0; attempt < ReadTries; attempt++)
        {
            var edges = _socket.Dump(request, NftablesDecoder.Edges).SelectMany(part => part).ToList();
            NftablesDecoder.Sort(edges);
            if (!NftablesDecoder.HasTwice(edges))
                return NftablesDecoder.Elements(edges);
        }

        throw new KernelException(Errno.Interrupted, request.OperationOf(0), $"was rehashed during each of {ReadTries} attempts");
    }

}

/// <summary>A value where a reference is wanted.</summary>
internal sealed record Box<T>(T Value);

/// <summary>What was in a table when the ruleset had this generation.</summary>
public sealed record TableContent(Table Table, uint Generation)
{
    public IReadOnlyList<Chain> Chains { get; init; } = [];

    /// <summary>Those of a chain in its order.</summary>
    public IReadOnlyList<Rule> Rules { get; init; } = [];

    /// <summary>Those with a name of their own.</summary>
    public IReadOnlyList<Set> Sets { get; init; } = [];

    /// <summary>By the set's name, in the order of their keys.</summary>
    public IReadOnlyDictionary<string, List<Element>> Elements { get; init; } = new Dictionary<string, List<Element>>();
}
