using System.Collections.Immutable;
using System.Text;
using Podnet.Core.Nftables;
using static Podnet.Core.Explain.ExplanationWords;

namespace Podnet.Core.Explain;

/// <summary>The explanation for a person to read from top to bottom, the way of the packet.</summary>
public static class TableExplanationText
{
    public static string Print(TableExplanation explanation)
    {
        var text = new StringBuilder();
        text.Append($"Service {explanation.Service}, seen from node {explanation.Node}, which is in nftables mode\n");
        if (explanation.Notice is { } notice)
            text.Append($"\n  {Sentence(notice)}\n");
        if (explanation.Addresses.IsEmpty)
            text.Append($"\n  {Sentence(explanation.Problem ?? "there is nothing to explain")}\n");
        foreach (var address in explanation.Addresses)
            Print(text, address, explanation.Node);
        PrintMasquerade(text, explanation);
        return text.ToString();
    }

    private static void Print(StringBuilder text, AddressExplanation address, string node)
    {
        var name = address.Name.Length == 0 ? "" : $" ({address.Name})";
        text.Append($"\n{address.Kind} {Knock(address)}/{address.Protocol}{name}\n");
        PrintWhere(text, address, node);
        PrintSources(text, address);
        if (address.CaughtBy is { } catcher)
        {
            text.Append($"  This element of {catcher.Set} in table {catcher.Table} catches it ({Count(catcher.Packets)}):\n");
            text.Append($"      {catcher.Element}\n");
        }

        if (!address.Chains.IsEmpty)
            PrintChains(text, address.Chains);
        foreach (var way in address.Ways)
            PrintWay(text, way, isOnly: address.Ways.Length == 1, node);
        if (address.Others is { } others)
            text.Append($"  All others are dropped, by policy Local: no endpoint is on this node ({Count(others.Packets)}):\n      {others.Element}\n");
        if (address.Problem is { } problem)
            text.Append($"  {Sentence(problem)}\n");
        PrintSession(text, address);
        PrintMarked(text, address);
        if (address.OtherPorts is { } own)
            text.Append($"  Its other ports are refused at once: {own.Set} has {own.Element}.\n");
    }

    private static string Knock(AddressExplanation address)
    {
        if (address.Addresses is not [var ip] || address.Kind == "node port")
            return $"{address.Port}";
        return ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]:{address.Port}" : $"{ip}:{address.Port}";
    }

    private static void PrintWhere(StringBuilder text, AddressExplanation address, string node)
    {
        if (address.Kind == "node port")
        {
            text.Append(address.Addresses.IsEmpty
                ? $"  It answers on no address of {node}: node-port-ips is empty.\n"
                : $"  It answers on {string.Join(", ", address.Addresses)} of {node} (node-port-ips), and not on 127.0.0.1.\n");
            return;
        }

        var ip = address.Addresses[0];
        text.Append(address.Interface is null
            ? $"  {ip} is on no interface of {node}: it lives in the table alone.\n"
            : $"  {ip} is on interface {address.Interface} of {node}. A Service's IP should be on none: the table alone gives it its meaning.\n");
    }

    private static void PrintSources(StringBuilder text, AddressExplanation address)
    {
        if (address.Sources is not { } sources)
            return;
        text.Append($"  Only these sources may use it: {string.Join(", ", sources.Allowed)}. Packets of others are dropped:\n");
        foreach (var rule in sources.DroppedBy)
            text.Append($"      {rule.Chain}: {rule.Rule}\n          {Counted(rule.Packets ?? 0, "packet")}, of all such addresses\n");
    }

    private static void PrintChains(StringBuilder text, ImmutableArray<CitedChain> chains)
    {
        text.Append("  It leads through these chains:\n");
        foreach (var chain in chains)
        {
            text.Append($"      {chain.Name}\n");
            foreach (var rule in chain.Rules)
                text.Append($"          {rule.Rule}\n");
        }
    }

    private static void PrintWay(StringBuilder text, WayExplanation way, bool isOnly, string node)
    {
        var who = isOnly ? "" : $"{char.ToUpperInvariant(way.Clients[0])}{way.Clients[1..]}, by {way.Chain}: ";
        text.Append(way.Endpoints.Length == 1
            ? $"  {who}{(isOnly ? "All" : "all")} connections go to the one endpoint:\n"
            : $"  {who}{(isOnly ? "A" : "a")} random number chooses one of {way.Endpoints.Length} endpoints, and the destination becomes its address:\n");
        foreach (var endpoint in way.Endpoints)
        {
            if (endpoint.Address is null)
            {
                text.Append($"      slot {endpoint.Slot} is empty\n");
                continue;
            }

            text.Append($"      {endpoint.Element!.Element}\n");
            text.Append($"          {Percent(endpoint.Probability)} to {endpoint.Address}; {Got(endpoint.GotShare, endpoint.Connections)}\n");
            text.Append($"          {Way(endpoint.Address, endpoint.Device, endpoint.Route, endpoint.ReachesNode, node)}\n");
        }
    }

    private static void PrintSession(StringBuilder text, AddressExplanation address)
    {
        if (address.Session is not { } session)
            return;
        var time = NftText.Duration(TimeSpan.FromSeconds(session.Seconds));
        text.Append($"  A client stays with its endpoint for {time} after its last connection (map sessions); such connections are not counted at the endpoints:\n");
        text.Append($"      {session.Element.Element}\n");
    }

    private static void PrintMarked(StringBuilder text, AddressExplanation address)
    {
        if (address.Chains.IsEmpty)
            return;
        text.Append(address.Marked.IsEmpty ? "  Clients keep their own source address.\n" : "  Clients keep their own source address, except those that are marked for masquerade:\n");
        foreach (var marked in address.Marked)
            text.Append($"      {marked.Rule.Chain}: {marked.Rule.Rule}\n          {marked.Reason}\n");
    }

    private static void PrintMasquerade(StringBuilder text, TableExplanation explanation)
    {
        if (explanation.Masquerade.IsEmpty || explanation.Problem is not null)
            return;
        text.Append($"\nOn the way out of {explanation.Node} the source becomes the node's address of:\n");
        foreach (var masquerade in explanation.Masquerade)
        {
            text.Append($"  {masquerade.Reason} ({Count(masquerade.Rule.Packets)})\n");
            text.Append($"      {masquerade.Rule.Chain}: {masquerade.Rule.Rule}\n");
        }
    }

    /// <summary>In maps of a nat chain, a packet is a connection: only the first one of each comes by.</summary>
    private static string Count(ulong? packets) => Counted(packets ?? 0, "connection");
}
