using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>A transaction for what was read, and beside it what it does, in nft's words.</summary>
/// <param name="have">Null where the table is not there.</param>
internal sealed class EgressPlan(TableName name, TableContent? have)
{
    private IPFamily Family { get; } = name.Family == TableFamily.Ip ? IPFamily.V4 : IPFamily.V6;

    private string RuleText => EgressMasquerade.RuleText(Family);

    internal Transaction Transaction { get; } = new(name, have?.Generation);

    internal List<string> Texts { get; } = [];

    /// <summary>All of it, for <c>nft -f</c>, where <see cref="Texts"/> are for a log.</summary>
    internal List<string> Commands { get; } = [];

    internal Chain? Chain { get; } = have?.Chains.FirstOrDefault(chain => chain.Name == EgressTable.Chain.Name);

    internal List<Rule> Rules { get; } = have?.Rules.Where(rule => rule.Chain == EgressTable.Chain.Name).ToList() ?? [];

    internal Set? SetNamed(string set) => have?.Sets.FirstOrDefault(one => one.Name == set);

    internal void AddTable()
    {
        Transaction.AddTable(EgressMasquerade.TableComment);
        Texts.Add($"add table {name}");
        Commands.Add($"add table {name} {{ comment \"{EgressMasquerade.TableComment}\"; }}");
    }

    internal void DeleteTable()
    {
        Transaction.DeleteTable();
        Texts.Add($"delete table {name}");
        Commands.Add($"delete table {name}");
    }

    internal void AddChain(Rule rule)
    {
        Transaction.AddChain(EgressTable.Chain).AppendRule(rule);
        Texts.Add($"add chain {name} {EgressTable.Chain.Name}");
        Commands.Add($"add chain {name} {EgressTable.Chain.Name} {{ {EgressMasquerade.ChainText} }}");
        Commands.Add($"add rule {name} {rule.Chain} {RuleText}");
    }

    internal void DeleteChain()
    {
        Transaction.DeleteChain(EgressTable.Chain.Name);
        Texts.Add($"delete chain {name} {EgressTable.Chain.Name}");
        Commands.AddRange([$"flush chain {name} {EgressTable.Chain.Name}", $"delete chain {name} {EgressTable.Chain.Name}"]);
    }

    internal void ReplaceRules(Rule rule)
    {
        Transaction.FlushChain(rule.Chain).AppendRule(rule);
        Texts.Add($"replace the rules of chain {name} {rule.Chain}");
        Commands.AddRange([$"flush chain {name} {rule.Chain}", $"add rule {name} {rule.Chain} {RuleText}"]);
    }

    internal void DeleteSet(string set)
    {
        Transaction.DeleteSet(set);
        Texts.Add($"delete set {name} {set}");
        Commands.Add($"delete set {name} {set}");
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
            Commands.Add($"add set {name} {set.Name} {{ type {(Family == IPFamily.V4 ? "ipv4_addr" : "ipv6_addr")};{(set.Flags == SetFlags.Interval ? " flags interval;" : "")} comment \"{set.Comment}\"; }}");
        }

        var (gone, missing) = (there.Except(elements).ToList(), elements.Except(there).ToList());
        Transaction.DeleteElements(set.Name, gone).AddElements(set.Name, missing);
        SayElements("delete", set, gone);
        SayElements("add", set, missing);
        if (gone.Count > 0)
            Texts.Add($"delete {gone.Count} of the elements of {name} {set.Name}");
        if (missing.Count > 0)
            Texts.Add($"add {missing.Count} elements to {name} {set.Name}");
    }

    private void SayElements(string verb, Set set, List<Element> elements)
    {
        if (elements.Count > 0)
            Commands.Add($"{verb} element {name} {set.Name} {{ {string.Join(", ", elements.Select(element => Text(element, set.Flags == SetFlags.Interval)))} }}");
    }

    /// <summary>An address, or "10.240.0.0-10.240.0.31": others may have put a range there that is no network.</summary>
    private static string Text(Element element, bool isInterval)
    {
        var first = AddressText.Of(new IPAddress(element.Key.Span));
        if (!isInterval)
            return first;
        // One less than the first key behind it; where there is none, the greatest: what is one less than 0.
        var last = element.End is { } end ? end.Span.ToArray() : new byte[element.Key.Span.Length];
        for (var at = last.Length - 1; at >= 0 && last[at]-- == 0; at--)
        {
        }
        return $"{first}-{AddressText.Of(new IPAddress(last))}";
    }
}
