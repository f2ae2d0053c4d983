using System.Collections.Immutable;
using System.Text;
using Podnet.Core.Rules;

namespace Podnet.Dataplane.Iptables;

/// <summary>The changes of one table, as iptables-restore takes them with --noflush: what is not named is not touched.</summary>
internal sealed class TablePatch(string table)
{
    // A line ":CHAIN - [0:0]" makes the chain, or empties it if it is there; rules follow after all of those.
    private readonly List<string> _chains = [];
    private readonly List<string> _rules = [];
    private readonly List<string> _deletions = [];
    private readonly SortedSet<string> _written = new(StringComparer.Ordinal);
    private readonly HashSet<string> _counters = new(StringComparer.Ordinal);

    public bool IsEmpty => _chains.Count == 0 && _rules.Count == 0 && _deletions.Count == 0;

    public IEnumerable<ChainName> Written => _written.Select(c => new ChainName(table, c));

    public IEnumerable<ChainName> Deleted => _deletions.Select(c => new ChainName(table, c));

    /// <summary>Accounting objects that rules of this patch name.</summary>
    public IEnumerable<string> AccountingObjects => _counters;

    /// <summary>Makes or empties a chain and fills it; a rule's own counters are kept.</summary>
    public void Rewrite(IptablesChain chain)
    {
        _chains.Add(chain.Name);
        _written.Add(chain.Name);
        foreach (var rule in chain.Rules)
        {
            var counters = rule.Counters is { Packets: > 0 } count ? $"[{count.Packets}:{count.Bytes}] " : "";
            Add(rule, $"{counters}-A {chain.Name}{rule.Text}");
        }
    }

    public void Append(string chain, IptablesRule rule) => Change(chain, rule, $"-A {chain}{rule.Text}");

    /// <param name="position">From 1 on.</param>
    public void Insert(string chain, int position, IptablesRule rule) => Change(chain, rule, $"-I {chain} {position}{rule.Text}");

    /// <summary>The first one that is equal.</summary>
    public void Remove(string chain, IptablesRule rule) => Change(chain, rule, $"-D {chain}{rule.Text}");

    public void Empty(string chain)
    {
        _chains.Add(chain);
        _written.Add(chain);
    }

    public void Delete(string chain)
    {
        // Emptied first: a chain with rules cannot be deleted, and its rules may hold on to other chains that go.
        _chains.Add(chain);
        _deletions.Add(chain);
    }

    public void Print(StringBuilder text)
    {
        text.Append($"*{table}\n");
        foreach (var chain in _chains)
            text.Append($":{chain} - [0:0]\n");
        foreach (var rule in _rules)
            text.Append(rule).Append('\n');
        foreach (var chain in _deletions)
            text.Append($"-X {chain}\n");
        text.Append("COMMIT\n");
    }

    private void Change(string chain, IptablesRule rule, string line)
    {
        _written.Add(chain);
        Add(rule, line);
    }

    private void Add(IptablesRule rule, string line)
    {
        _rules.Add(line);
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

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var table in _tables)
            table.Print(text);
        return text.ToString();
    }
}
