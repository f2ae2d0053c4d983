using System.Collections.Immutable;
using System.Text;
using Podnet.Core.Rules;

namespace Podnet.Dataplane.Iptables;

/// <summary>The changes of one table, as iptables-restore takes them with --noflush: what is not named is not touched.</summary>
internal sealed class TablePatch(string table)
{
    private const int LastLayer = 5;

    // A line ":CHAIN - [0:0]" makes the chain, or empties it if it is there; rules follow after all of those.
    private readonly List<(string Chain, ImmutableArray<IptablesRule> Rules)> _rewritten = [];
    private readonly List<string> _rules = [];
    private readonly List<string> _deletions = [];
    private readonly SortedSet<string> _written = new(StringComparer.Ordinal);
    private readonly HashSet<string> _counters = new(StringComparer.Ordinal);

    public string Table => table;

    public bool IsEmpty => _rewritten.Count == 0 && _rules.Count == 0 && _deletions.Count == 0;

    public IEnumerable<ChainName> Written => _written.Select(c => new ChainName(table, c));

    public IEnumerable<ChainName> Deleted => _deletions.Select(c => new ChainName(table, c));

    /// <summary>Rules that are written, also those that were there before in a chain that is rewritten.</summary>
    public int RuleCount { get; private set; }

    /// <summary>Accounting objects that rules of this patch name.</summary>
    public IEnumerable<string> AccountingObjects => _counters;

    /// <summary>Makes or empties a chain and fills it; a rule's own counters are kept.</summary>
    public void Rewrite(IptablesChain chain)
    {
        _rewritten.Add((chain.Name, chain.Rules));
        _written.Add(chain.Name);
        RuleCount += chain.Rules.Length;
        foreach (var rule in chain.Rules)
            NoteCounter(rule);
    }

    public void Append(string chain, IptablesRule rule) => Change(chain, rule, $"-A {chain}{rule.Text}");

    /// <param name="position">From 1 on.</param>
    public void Insert(string chain, int position, IptablesRule rule) => Change(chain, rule, $"-I {chain} {position}{rule.Text}");

    /// <summary>The first one that is equal.</summary>
    public void Remove(string chain, IptablesRule rule)
    {
        _written.Add(chain);
        _rules.Add($"-D {chain}{rule.Text}");
    }

    public void Empty(string chain)
    {
        _rewritten.Add((chain, []));
        _written.Add(chain);
    }

    public void Delete(string chain)
    {
        // Emptied first: a chain with rules cannot be deleted, and its rules may hold on to other chains that go.
        _rewritten.Add((chain, []));
        _deletions.Add(chain);
    }

    /// <param name="mostChains">
    /// Of a transaction. Where there are more to write, those that nothing leads to yet go before in transactions of their own: an
    /// endpoint's before its Service's, and last of all the rules that lead there.
    /// </param>
    public void Print(StringBuilder text, int mostChains)
    {
        if (_rewritten.Count <= mostChains)
        {
            PrintLast(text, [.. _rewritten]);
            return;
        }
        var deleted = _deletions.ToHashSet(StringComparer.Ordinal);
        var layers = _rewritten.ToLookup(one => deleted.Contains(one.Chain) ? LastLayer : LayerOf(one.Chain));
        foreach (var layer in layers.Where(layer => layer.Key != LastLayer).OrderBy(layer => layer.Key))
        {
            // iptables keeps the chains of a transaction in a sorted list and looks from its start: backwards, that is at once.
            foreach (var block in layer.OrderByDescending(one => one.Chain, StringComparer.Ordinal).Chunk(mostChains))
            {
                text.Append($"*{table}\n");
                foreach (var chain in block)
                {
                    text.Append($":{chain.Chain} - [0:0]\n");
                    PrintRules(text, chain);
                }
                text.Append("COMMIT\n");
            }
        }
        PrintLast(text, [.. layers[LastLayer]]);
    }

    /// <summary>A chain's rules lead to chains of lower layers only.</summary>
    private static int LayerOf(string chain) => chain switch
    {
        KubeChains.MarkMasquerade => 0,
        _ when chain.StartsWith(KubeChains.EndpointPrefix, StringComparison.Ordinal) => 1,
        _ when chain.StartsWith(KubeChains.ClusterPrefix, StringComparison.Ordinal) || chain.StartsWith(KubeChains.LocalPrefix, StringComparison.Ordinal) => 2,
        _ when chain.StartsWith(KubeChains.ExternalPrefix, StringComparison.Ordinal) => 3,
        _ when chain.StartsWith(KubeChains.FirewallPrefix, StringComparison.Ordinal) => 4,
        _ => LastLayer,
    };

    /// <summary>All chains before the first rule: some lead to each other.</summary>
    private void PrintLast(StringBuilder text, ImmutableArray<(string Chain, ImmutableArray<IptablesRule> Rules)> chains)
    {
        text.Append($"*{table}\n");
        foreach (var chain in chains)
            text.Append($":{chain.Chain} - [0:0]\n");
        foreach (var chain in chains)
            PrintRules(text, chain);
        foreach (var rule in _rules)
            text.Append(rule).Append('\n');
        foreach (var chain in _deletions)
            text.Append($"-X {chain}\n");
        text.Append("COMMIT\n");
    }

    private static void PrintRules(StringBuilder text, (string Name, ImmutableArray<IptablesRule> Rules) chain)
    {
        foreach (var rule in chain.Rules)
        {
            if (rule.Counters is { Packets: > 0 } count)
                text.Append($"[{count.Packets}:{count.Bytes}] ");
            text.Append("-A ").Append(chain.Name).Append(rule.Text).Append('\n');
        }
    }

    private void Change(string chain, IptablesRule rule, string line)
    {
        _written.Add(chain);
        _rules.Add(line);
        RuleCount++;
        NoteCounter(rule);
    }

    private void NoteCounter(IptablesRule rule)
    {
        if (rule.Match<NfacctMatch>() is { } accounting)
            _counters.Add(accounting.Object);
    }
}

/// <summary>The changes of all tables, in one input for iptables-restore.</summary>
internal sealed class IptablesPatch(IReadOnlyList<TablePatch> tables)
{
    private readonly List<TablePatch> _tables = [.. tables.Where(t => !t.IsEmpty)];

    public bool IsEmpty => _tables.Count == 0;

    public IEnumerable<string> AccountingObjects => _tables.SelectMany(t => t.AccountingObjects).Distinct(StringComparer.Ordinal);

    public ImmutableArray<ChainName> Written => [.. _tables.SelectMany(t => t.Written)];

    public ImmutableArray<ChainName> Deleted => [.. _tables.SelectMany(t => t.Deleted)];

    public ImmutableDictionary<string, int> RuleCounts => _tables.ToImmutableDictionary(t => t.Table, t => t.RuleCount);

    public override string ToString() => Print(int.MaxValue);

    /// <param name="mostChains">See <see cref="TablePatch.Print"/>.</param>
    public string Print(int mostChains)
    {
        var text = new StringBuilder();
        foreach (var table in _tables)
            table.Print(text, mostChains);
        return text.ToString();
    }
}
