using System.Collections.Immutable;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>Collects rules under their tables and chains; a chain is there once it has been named, with or without rules.</summary>
internal sealed class RulesetBuilder(IPFamily family)
{
    // The order in which iptables-save prints tables.
    private static readonly ImmutableArray<string> Names = [IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat];

    private readonly Dictionary<string, Dictionary<string, List<IptablesRule>>> _tables =
        Names.ToDictionary(n => n, _ => new Dictionary<string, List<IptablesRule>>(StringComparer.Ordinal), StringComparer.Ordinal);

    public IPFamily Family => family;

    public List<IptablesRule> Chain(string table, string chain)
    {
        var chains = _tables[table];
        if (!chains.TryGetValue(chain, out var rules))
            chains[chain] = rules = [];
        return rules;
    }

    public List<IptablesRule> Nat(string chain) => Chain(IptablesTables.Nat, chain);

    public List<IptablesRule> Filter(string chain) => Chain(IptablesTables.Filter, chain);

    public IptablesRuleset Build() => new(family, [.. Names.Select(BuildTable)]);

    private IptablesTable BuildTable(string name)
    {
        var builtIn = IptablesTables.BuiltInChainsOf(name);
        foreach (var chain in builtIn)
            Chain(name, chain);
        return new IptablesTable(name, _tables[name].ToDictionary(
            c => c.Key,
            c => new IptablesChain(c.Key, builtIn.Contains(c.Key) ? "ACCEPT" : null, [.. c.Value]),
            StringComparer.Ordinal));
    }
}
