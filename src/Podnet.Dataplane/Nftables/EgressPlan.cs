using Podnet.Core.Routes;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>A transaction for what was read, and beside it what it does, in nft's words.</summary>
/// <param name="have">Null where the table is not there.</param>
internal sealed class EgressPlan(TableName name, TableContent? have)
{
    internal Transaction Transaction { get; } = new(name, have?.Generation);

    internal List<string> Texts { get; } = [];

    internal Chain? Chain { get; } = have?.Chains.FirstOrDefault(chain => chain.Name == EgressTable.Chain.Name);

    internal List<Rule> Rules { get; } = have?.Rules.Where(rule => rule.Chain == EgressTable.Chain.Name).ToList() ?? [];

    internal Set? SetNamed(string set) => have?.Sets.FirstOrDefault(one => one.Name == set);

    internal void AddTable()
    {
        Transaction.AddTable(EgressMasquerade.TableComment);
        Texts.Add($"add table {name}");
    }

    internal void DeleteTable()
    {
        Transaction.DeleteTable();
        Texts.Add($"delete table {name}");
    }

    internal void AddChain(Rule rule)
    {
        Transaction.AddChain(EgressTable.Chain).AppendRule(rule);
        Texts.Add($"add chain {name} {EgressTable.Chain.Name}");
    }

    internal void DeleteChain()
    {
        Transaction.DeleteChain(EgressTable.Chain.Name);
        Texts.Add($"delete chain {name} {EgressTable.Chain.Name}");
    }

    internal void ReplaceRules(Rule rule)
    {
        Transaction.FlushChain(rule.Chain).AppendRule(rule);
        Texts.Add($"replace the rules of chain {name} {rule.Chain}");
    }

    internal void DeleteSet(string set)
    {
        Transaction.DeleteSet(set);
        Texts.Add($"delete set {name} {set}");
    }

    /// <summary>The set with these elements: made, made anew, or with those elements added and deleted that differ.</summary>
    internal void PutSet(Set set, HashSet<Element> elements)
    {
        HashSet<Element> there = [];
        var found = SetNamed(set.Name);
        if (found is not null && found != set)
            DeleteSet(set.Name);
        if (found == set)
        {
            there = [.. have!.Elements[set.Name]];
        }
        else
        {
            Transaction.AddSet(set);
            Texts.Add($"add set {name} {set.Name}");
        }

        var (gone, missing) = (there.Except(elements).ToList(), elements.Except(there).ToList());
        Transaction.DeleteElements(set.Name, gone).AddElements(set.Name, missing);
        if (gone.Count > 0)
            Texts.Add($"delete {gone.Count} of the elements of {name} {set.Name}");
        if (missing.Count > 0)
            Texts.Add($"add {missing.Count} elements to {name} {set.Name}");
    }
}
