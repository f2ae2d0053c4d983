using System.Collections.Immutable;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <param name="Policy">Of a built-in chain: what becomes of packets that no rule decides. Null for any other chain.</param>
public sealed record IptablesChain(string Name, string? Policy, ImmutableArray<IptablesRule> Rules)
{
    public bool IsBuiltIn => Policy is not null;

    /// <summary>Of a built-in chain that was read from a kernel.</summary>
    public RuleCounters Counters { get; init; }
}

public sealed record IptablesTable(string Name, IReadOnlyDictionary<string, IptablesChain> Chains)
{
    public IptablesChain? Chain(string name) => Chains.GetValueOrDefault(name);

    /// <summary>In the order of iptables-save: built-in ones on a packet's way, then the others by name.</summary>
    public IEnumerable<IptablesChain> InOrder() => Chains.Values
        .OrderBy(c => c.IsBuiltIn ? IptablesTables.BuiltInChains.IndexOf(c.Name) : int.MaxValue)
        .ThenBy(c => c.Name, StringComparer.Ordinal);
}

/// <summary>The tables of one IP family, of which some may be missing.</summary>
public sealed record IptablesRuleset(IPFamily Family, ImmutableArray<IptablesTable> Tables)
{
    /// <summary>The three tables that Podnet writes to, with their built-in chains and not a rule.</summary>
    public static IptablesRuleset Empty(IPFamily family) => new RulesetBuilder(family).Build();

    public IptablesTable? Table(string name) => Tables.FirstOrDefault(t => t.Name == name);

    public ImmutableArray<IptablesRule> RulesOf(string table, string chain) => Table(table)?.Chain(chain)?.Rules ?? [];
}

public static class IptablesTables
{
    public const string Mangle = "mangle";
    public const string Filter = "filter";
    public const string Nat = "nat";

    public static readonly ImmutableArray<string> BuiltInChains = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

    /// <summary>The built-in chains of one of the three tables that Podnet writes to (iptables(8), TABLES).</summary>
    public static ImmutableArray<string> BuiltInChainsOf(string table) => table switch
    {
        Filter => ["INPUT", "FORWARD", "OUTPUT"],
        Nat => ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        _ => BuiltInChains,
    };
}
