using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>What the kernel's table lacks, and has too much, compared with the one that is wanted.</summary>
internal sealed class TableDiff(IPFamily family)
{
    private readonly ElementCoding _coding = new(family);
    private readonly RuleCompiler _compiler = new(family);

    internal TablePlan Plan(ServiceTable table, TableContent? have)
    {
        var wanted = table.Chains.ToDictionary(chain => chain.Name, StringComparer.Ordinal);
        if (have is null)
            return new TablePlan(family) { AddTable = true, AddedSets = ServiceSets.All, AddedChains = wanted.Values, AddedElements = [.. table.Elements] };
        var chains = have.Chains.Where(IsOurs).ToList();
        var sets = have.Sets.Where(IsOurs).ToDictionary(set => set.Name, StringComparer.Ordinal);
        if (!CanBeKept(wanted, chains, sets))
            return Remake(table, wanted, chains, sets);
        var (deleted, added) = Compare(ServiceSets.All.Where(set => !set.Dynamic).SelectMany(set => Read(set, have)), table.Elements);
        return Structure(wanted, chains, sets, have) with { DeletedElements = deleted, AddedElements = added };
    }

    /// <summary>The same, where others have changed nothing but this; null where that turns out to be more, and all has to be read.</summary>
    /// <param name="read">Looks up what the kernel has of the keys of a set.</param>
    internal TablePlan? Plan(
        ServiceTable table, TableContent? have, TableTouches touched, Func<SetDefinition, IReadOnlyList<ByteString>, IEnumerable<TableElement>> read)
    {
        var wanted = table.Chains.ToDictionary(chain => chain.Name, StringComparer.Ordinal);
        var chains = have?.Chains.Where(IsOurs).ToList() ?? [];
        var sets = have?.Sets.Where(IsOurs).ToDictionary(set => set.Name, StringComparer.Ordinal) ?? [];
        if (have is null || sets.Count < ServiceSets.All.Length || !CanBeKept(wanted, chains, sets))
            return null;
        var (there, should) = (new List<TableElement>(), new List<TableElement>());
        foreach (var set in ServiceSets.All.Where(set => !set.Dynamic && touched.Elements.ContainsKey(set.Name)))
        {
            if (set.Intervals)
            {
                there.AddRange(Read(set, have));
                should.AddRange(table.ElementsOf(set.Id));
                continue;
            }
            List<ByteString> keys = [.. touched.Elements[set.Name]];
            there.AddRange(read(set, keys));
            should.AddRange(keys.Select(key => table.Find(_coding.ReadKey(set, new Element(key)))).OfType<TableElement>());
        }
        var (deleted, added) = Compare(there, should);
        return Structure(wanted, chains, sets, have) with { DeletedElements = deleted, AddedElements = added };
    }

    private TablePlan Structure(Dictionary<string, TableChain> wanted, List<Chain> chains, Dictionary<string, Set> sets, TableContent have)
    {
        var rules = have.Rules.ToLookup(rule => rule.Chain, StringComparer.Ordinal);
        var present = chains.Select(chain => chain.Name).ToHashSet(StringComparer.Ordinal);
        var wrong = wanted.Values.Where(chain => present.Contains(chain.Name) && !HasRules(chain, rules[chain.Name])).ToList();
        var orphaned = present.Where(name => !wanted.ContainsKey(name)).ToList();
        return new TablePlan(family)
        {
            FlushedChains = [.. wrong.Select(chain => chain.Name), .. orphaned],
            DeletedSets = [.. sets.Keys.Where(name => ServiceSets.All.All(set => set.Name != name))],
            AddedSets = [.. ServiceSets.All.Where(set => !sets.ContainsKey(set.Name))],
            AddedChains = [.. wanted.Values.Where(chain => !present.Contains(chain.Name))],
            RewrittenChains = wrong,
            DeletedChains = orphaned,
        };
    }

    /// <summary>All that is ours goes; the table, too, where nothing else is in it.</summary>
    internal TablePlan PlanRemoval(TableContent? have)
    {
        if (have is null)
            return new TablePlan(family);
        var chains = have.Chains.Where(IsOurs).Select(chain => chain.Name).ToList();
        return new TablePlan(family) { FlushedChains = chains, DeletedSets = [.. have.Sets.Where(IsOurs).Select(set => set.Name)], DeletedChains = chains };
    }

    /// <summary>The egress part of the table has a driver of its own.</summary>
    internal static bool IsOurs(Chain chain) => chain.Name != EgressTable.Chain.Name;

    internal static bool IsOurs(Set set) => !EgressTable.SetNames.Contains(set.Name) && !set.Flags.HasFlag(SetFlags.Anonymous);

    /// <summary>What a set is made of, and where a chain is hooked in, cannot be changed.</summary>
    private bool CanBeKept(Dictionary<string, TableChain> wanted, List<Chain> chains, Dictionary<string, Set> sets) =>
        chains.TrueForAll(chain => !wanted.TryGetValue(chain.Name, out var one) || RuleCompiler.Compile(one) == chain)
        && ServiceSets.All.All(set => !sets.TryGetValue(set.Name, out var there) || _coding.Definition(set) == there);

    private TablePlan Remake(ServiceTable table, Dictionary<string, TableChain> wanted, List<Chain> chains, Dictionary<string, Set> sets) =>
        new(family)
        {
            FlushedChains = [.. chains.Select(chain => chain.Name)],
            ReplacedChains = [.. chains.Select(chain => chain.Name)],
            DeletedSets = [.. sets.Keys],
            AddedSets = ServiceSets.All,
            AddedChains = wanted.Values,
            AddedElements = [.. table.Elements],
        };

    private bool HasRules(TableChain chain, IEnumerable<Rule> rules)
    {
        var have = rules.ToList();
        return have.Count == chain.Rules.Length
            && chain.Rules.Select(rule => _compiler.Compile(chain.Name, rule)).Zip(have).All(pair => pair.First.IsSameAs(pair.Second));
    }

    private IEnumerable<TableElement> Read(SetDefinition set, TableContent have) =>
        have.Elements.GetValueOrDefault(set.Name, []).Select(element => _coding.Read(set, element));

    private static (List<TableElement> Deleted, List<TableElement> Added) Compare(IEnumerable<TableElement> have, IEnumerable<TableElement> wanted)
    {
        var there = have.ToDictionary(element => element.Key);
        var (deleted, added) = (new List<TableElement>(), new List<TableElement>());
        foreach (var element in wanted)
        {
            if (there.Remove(element.Key, out var found) && found == element)
                continue;
            added.Add(element);
            if (found.Key == element.Key)
                deleted.Add(found);
        }
        deleted.AddRange(there.Values);
        return (deleted, added);
    }
}
