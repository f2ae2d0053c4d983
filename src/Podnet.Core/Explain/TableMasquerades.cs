using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Nftables;

namespace Podnet.Core.Explain;

/// <summary>Which connections get the node's address as their source, and why, by the rules of a table.</summary>
internal static class TableMasquerades
{
    /// <summary>Whom the chains of an address mark.</summary>
    public static ImmutableArray<TableMasquerade> Marking(LiveTable table, string entry) =>
    [
        .. from chain in table.Reached(entry)
           from rule in chain.Rules
           where rule.Rule?.Statements.OfType<SetMark>().Any() == true
           select new TableMasquerade(TableExplainer.Cite(table, chain, rule), $"{Clients(rule.Rule!)}: {MasqueradeStory.Why}"),
    ];

    /// <summary>What is done to the marked ones, and to those that need no mark.</summary>
    public static IEnumerable<TableMasquerade> OfAll(LiveTable table) =>
        from chain in table.Chains.Values
        from rule in chain.Rules
        where rule.Rule?.Statements.OfType<MasqueradeFullyRandom>().Any() == true
        select new TableMasquerade(TableExplainer.Cite(table, chain, rule), Reason(rule.Rule!));

    private static string Clients(TableRule rule)
    {
        foreach (var statement in rule.Statements)
        {
            switch (statement)
            {
                case SourceIn { Network: var network, Inverted: true }:
                    return $"clients outside {AddressText.Of(network)}, which are not pods";
                case FromInterface { Name: var name, Inverted: true, IsPrefix: var prefix }:
                    return $"clients that did not come in by {name}{(prefix ? "*" : "")}, which are not pods";
                case FromNode:
                    return "the node itself";
                default:
                    break;
            }
        }

        return "all clients";
    }

    private static string Reason(TableRule rule) => rule.Statements.Contains(new InSet(ServiceSet.Hairpin))
        ? "endpoints that reach themselves through a Service: with their own address as the client's they would answer themselves directly, past the translation"
        : "all that was marked, of every Service";
}
