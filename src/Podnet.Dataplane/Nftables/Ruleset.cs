using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// The nf_tables ruleset of one network namespace, that of the thread which made this: what drivers change in it, and what others do to
/// their tables meanwhile. One for all drivers of a thread, so that none takes the work of another for somebody else's.
/// </summary>
public sealed class Ruleset : IDisposable
{
    private readonly NftablesEvents _events = new(); // Before the first read, so that nothing is missed in between.
    private readonly NftablesSocket _socket = new();
    private readonly Dictionary<TableName, TableTouches> _touched = [];
    private bool _lost;

    /// <summary>The ruleset's generation after our last change, where nobody else's came between the look before it and the one after.</summary>
    private uint? _ours;

    /// <summary>Who sends our changes, as the kernel names it in events: nlmsg_pid.</summary>
    public uint Port => _socket.Port;

    public void Dispose()
    {
        _socket.Dispose();
        _events.Dispose();
    }

    internal TableContent? Read(TableName table, Predicate<string> elementsOf) => _socket.Read(table, elementsOf);

    internal Element?[] GetElements(TableName table, string set, IReadOnlyList<ByteString> keys) => _socket.GetElements(table, set, keys);

    internal void Commit(Transaction transaction)
    {
        var before = _socket.Generation();
        _ours = null;
        _socket.Commit(transaction);
        var after = _socket.Generation();
        if (after == before + 1)
            _ours = after;
    }

    /// <summary>What others did to a table since this was asked last; null for nothing.</summary>
    internal TableTouches? Take(TableName table)
    {
        while (_events.ReceiveIfReady() is { Count: > 0 } events)
        {
            foreach (var happened in events)
                Note(happened);
        }
        // The events of a large change of our own are more than the kernel keeps for us. If ours was the last one, they are all that was lost.
        if (_lost && _ours != _socket.Generation())
        {
            foreach (var touches in _touched.Values)
                touches.IsUnknown = true;
        }
        _lost = false;
        if (!_touched.TryGetValue(table, out var found))
            _touched[table] = found = new TableTouches();
        if (!found.IsAny)
            return null;
        _touched[table] = new TableTouches();
        return found;
    }

    private void Note(NftablesEvent happened)
    {
        if (happened.Subject == NftablesSubject.Lost)
        {
            _lost = true;
            return;
        }
        if (happened.Port == _socket.Port || happened.Subject is NftablesSubject.Generation or NftablesSubject.Other)
            return;
        if (happened.Table is not { } table || !_touched.TryGetValue(table, out var touches))
            return; // No driver keeps it.
        switch (happened.Subject)
        {
            case NftablesSubject.Element:
                touches.Touch(happened.Name, happened.Keys);
                break;
            case NftablesSubject.Chain or NftablesSubject.Rule:
                touches.Rules = true;
                break;
            default:
                touches.IsUnknown = true;
                break;
        }
    }
}

/// <summary>What somebody else has changed in a table.</summary>
internal sealed class TableTouches
{
    private readonly Dictionary<string, HashSet<ByteString>> _elements = new(StringComparer.Ordinal);

    /// <summary>The table itself or a whole set, or more than could be kept: only a look at everything tells.</summary>
    internal bool IsUnknown { get; set; }

    /// <summary>Chains, or rules in them.</summary>
    internal bool Rules { get; set; }

    internal bool IsAny => IsUnknown || Rules || _elements.Count > 0;

    /// <summary>By the set's name.</summary>
    internal IReadOnlyDictionary<string, HashSet<ByteString>> Elements => _elements;

    /// <summary>Of ranges the kernel tells edges, which say nothing one by one: such a set, always a small one, is looked at as a whole.</summary>
    internal bool IsWhole(string set) => _elements.ContainsKey(set) && ServiceSets.All.Any(one => one.Name == set && one.Intervals);

    internal void Touch(string set, IEnumerable<ByteString> keys)
    {
        if (!_elements.TryGetValue(set, out var known))
            _elements[set] = known = [];
        known.UnionWith(keys);
    }
}
