using Podnet.Core.Nftables;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// The nf_tables ruleset of one network namespace, that of the thread which made this: what drivers change in it, and what others do to
/// their tables meanwhile. One for all drivers of a thread, so that none takes the work of another for somebody else's.
/// </summary>
public sealed class Ruleset : IDisposable
{
    /// <summary>Arbitrary: some milliseconds' worth of events.</summary>
    private const int Large = 1000;

    /// <summary>Arbitrary: one for each table that iptables keeps.</summary>
    private const int FewCommits = 3;

    private readonly Lock _gate = new(); // Around the events and what is known from them: who waits is another thread.
    private readonly NftablesEvents _events = new(); // Before the first read, so that nothing is missed in between.
    private readonly NftablesSocket _socket = new();
    private readonly Dictionary<TableName, TableTouches> _touched = [];
    private bool _lost;

    /// <summary>The ruleset's generation after our last change, where nobody else's came between the look before it and the one after.</summary>
    private uint? _ours;

    public void Dispose()
    {
        _socket.Dispose();
        _events.Dispose();
    }

    internal TableContent? Read(TableName table, Predicate<string> elementsOf) => _socket.Read(table, elementsOf);

    internal Element?[] GetElements(TableName table, string set, IReadOnlyList<ByteString> keys) => _socket.GetElements(table, set, keys);

    /// <param name="size">How many things change. Of a large change the kernel is not asked to tell, which would take longer than the change.</param>
    internal void Commit(Transaction transaction, int size = 0)
    {
        var isLarge = size > Large;
        var before = _socket.Generation();
        _ours = null;
        if (isLarge)
            _events.Leave();
        try
        {
            _socket.Commit(transaction);
        }
        finally
        {
            if (isLarge)
                _events.Join();
        }
        var after = _socket.Generation();
        if (after == before + 1)
            _ours = after;
        else if (isLarge)
            Lose();
    }

    /// <summary>Runs a program to its end; what it changes is ours.</summary>
    /// <param name="commits">So many transactions it makes. Of many the kernel is not asked to tell.</param>
    internal ProcessResult Run(Func<ProcessResult> program, int commits)
    {
        lock (_gate)
        {
            Drain();
            var isLarge = commits > FewCommits;
            var before = _socket.Generation();
            if (isLarge)
                _events.Leave();
            ProcessResult result;
            try
            {
                result = program();
            }
            finally
            {
                if (isLarge)
                    _events.Join();
            }
            // The first netlink socket of a process has the process's id as its port, and all events of a commit are there when it is done.
            Drain((uint)result.Pid);
            if (isLarge && _socket.Generation() - before > (uint)commits)
                Lose();
            return result;
        }
    }

    /// <summary>What others did to a table since this was asked last; null for nothing.</summary>
    internal TableTouches? Take(TableName table)
    {
        lock (_gate)
        {
            Drain();
            // The events of a change of our own can be more than the kernel keeps for us. If ours was the last one, they are all that was lost.
            if (_lost && _ours != _socket.Generation())
                Lose();
            _lost = false;
            if (!_touched.TryGetValue(table, out var found))
                _touched[table] = found = new TableTouches();
            if (!found.IsAny)
                return null;
            _touched[table] = new TableTouches();
            return found;
        }
    }

    /// <summary>Until somebody else has changed a table that is kept here, or it is cancelled. On any thread.</summary>
    public void WaitForOthers(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            _events.WaitReadable(cancel);
            lock (_gate)
            {
                if (Drain())
                    return;
            }
        }
    }

    private void Lose()
    {
        lock (_gate)
        {
            foreach (var touches in _touched.Values)
                touches.IsUnknown = true;
        }
    }

    /// <param name="guest">The port of a program that works for us; 0 for none.</param>
    /// <returns>Whether there was something of somebody else's, or may have been.</returns>
    private bool Drain(uint guest = 0)
    {
        var any = false;
        while (_events.ReceiveIfReady() is { Count: > 0 } events)
        {
            foreach (var happened in events)
                any |= (guest == 0 || happened.Port != guest) && Note(happened);
        }
        return any;
    }

    private bool Note(NftablesEvent happened)
    {
        if (happened.Subject == NftablesSubject.Lost)
        {
            return _lost = true;
        }
        if (happened.Port == _socket.Port || happened.Subject is NftablesSubject.Generation or NftablesSubject.Other)
            return false;
        if (happened.Table is not { } table || !_touched.TryGetValue(table, out var touches))
            return false; // No driver keeps it.
        switch (happened.Subject)
        {
            case NftablesSubject.Element:
                touches.Touch(happened.Name, happened.Keys);
                break;
            case NftablesSubject.Chain or NftablesSubject.Rule:
                touches.Touch(happened.Name);
                break;
            default:
                touches.IsUnknown = true;
                break;
        }
        return true;
    }
}

/// <summary>What somebody else has changed in a table.</summary>
internal sealed class TableTouches
{
    private readonly Dictionary<string, HashSet<ByteString>> _elements = new(StringComparer.Ordinal);
    private readonly HashSet<string> _chains = new(StringComparer.Ordinal);

    /// <summary>The table itself or a whole set, or more than could be kept: only a look at everything tells.</summary>
    internal bool IsUnknown { get; set; }

    /// <summary>Chains, or rules in them.</summary>
    internal bool Rules => _chains.Count > 0;

    /// <summary>Those that came or went, or of which a rule did.</summary>
    internal IReadOnlyCollection<string> Chains => _chains;

    internal bool IsAny => IsUnknown || Rules || _elements.Count > 0;

    /// <summary>By the set's name.</summary>
    internal IReadOnlyDictionary<string, HashSet<ByteString>> Elements => _elements;

    /// <summary>Of ranges the kernel tells edges, which say nothing one by one: such a set, always a small one, is looked at as a whole.</summary>
    internal bool IsWhole(string set) => _elements.ContainsKey(set) && ServiceSets.All.Any(one => one.Name == set && one.Intervals);

    internal void Touch(string chain) => _chains.Add(chain);

    internal void Touch(string set, IEnumerable<ByteString> keys)
    {
        if (!_elements.TryGetValue(set, out var known))
            _elements[set] = known = [];
        known.UnionWith(keys);
    }
}
