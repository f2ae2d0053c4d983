using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Nftables;

namespace Podnet.Core.Explain;

/// <summary>Who goes from an address to which endpoints, by the chain that it leads to.</summary>
internal static class TableWays
{
    public static ImmutableArray<WayExplanation> Tell(ExplainInput input, LiveTable table, FrontendAddress at, string entry)
    {
        var ways = new List<WayExplanation>();
        foreach (var rule in table.Chains.GetValueOrDefault(entry)?.Rules ?? [])
        {
            if (rule.Rule?.Statements.OfType<Goto>().FirstOrDefault() is not { Chain: var next } || !table.Chains.TryGetValue(next, out var chain))
                continue;
            var clients = Clients(rule.Rule, isFirst: ways.Count == 0);
            if (ways.FindIndex(way => way.Chain == next) is var known and >= 0)
                ways[known] = ways[known] with { Clients = $"{ways[known].Clients} and {clients}" };
            else
                ways.AddRange(LiveTable.Choices(chain).Select(choice => new WayExplanation(clients, next, Slots(input, table, at, choice))));
        }

        return [.. ways];
    }

    private static string Clients(TableRule rule, bool isFirst)
    {
        if (rule.Statements.OfType<FromNode>().Any())
            return "the node itself";
        if (rule.Statements.Any(statement => statement is SourceIn or FromInterface))
            return "pods";
        return isFirst ? "all clients" : "all others";
    }

    private static ImmutableArray<SlotExplanation> Slots(ExplainInput input, LiveTable table, FrontendAddress at, ToEndpoint choice)
    {
        var slots = Enumerable.Range(0, choice.Count).Select(slot => table.Find(choice.Map, at, slot)).ToList();
        var total = slots.Aggregate(0UL, (sum, slot) => sum + (slot?.Packets ?? 0));
        return [.. slots.Select((slot, number) => Slot(input, table, slot, number, choice.Count, total))];
    }

    private static SlotExplanation Slot(ExplainInput input, LiveTable table, LiveElement? slot, int number, int count, ulong total)
    {
        var endpoint = slot?.Element.Data.Value;
        var route = endpoint?.Address is { } address ? input.Routes.GetValueOrDefault(address) : null;
        var connections = slot?.Packets ?? 0;
        return new SlotExplanation(
            number,
            endpoint is { } to ? AddressText.Of(to.Address!, to.Port) : null,
            slot is null ? null : TableExplainer.Cite(table, slot),
            1.0 / count,
            connections,
            total == 0 ? null : (double)connections / total,
            route?.Device,
            route is null ? null : EndpointStory.RouteText(endpoint!.Value.Address!, route),
            endpoint is { } at ? EndpointStory.NodeOf(input, at.Address!, route) : null);
    }
}
