using System.Text;
using static Podnet.Core.Explain.ExplanationWords;

namespace Podnet.Core.Explain;

/// <summary>The explanation for a person to read from top to bottom, the way of the packet.</summary>
public static class ExplanationText
{
    public static string Print(ServiceExplanation explanation)
    {
        var text = new StringBuilder();
        text.Append($"Service {explanation.Service}, seen from node {explanation.Node}\n");
        if (explanation.Ports.IsEmpty)
            text.Append($"\n  {Sentence(explanation.Problem ?? "there is nothing to explain")}\n");
        foreach (var port in explanation.Ports)
            PrintPort(text, port, explanation.Node);
        return text.ToString();
    }

    private static void PrintPort(StringBuilder text, PortExplanation port, string node)
    {
        var host = port.ClusterIP.Contains(':', StringComparison.Ordinal) ? $"[{port.ClusterIP}]" : port.ClusterIP;
        text.Append($"\n{host}:{port.Port}/{port.Protocol}{(port.Name.Length == 0 ? "" : $" ({port.Name})")}\n");
        text.Append(port.Interface is null
            ? $"  {port.ClusterIP} is on no interface of {node}: it lives in rules alone.\n"
            : $"  {port.ClusterIP} is on interface {port.Interface} of {node}. A Service's IP should be on none: rules alone give it its meaning.\n");
        if (port.CaughtBy is { } catcher)
        {
            text.Append($"  This rule in table {catcher.Table} catches it ({Count(catcher)}):\n");
            text.Append($"      {catcher.Rule}\n");
        }

        if (port.Problem is { } problem)
            text.Append($"  {Sentence(problem)}\n");
        else
            PrintEndpoints(text, port, node);
        PrintMasquerade(text, port);
        if (!port.AlsoCaughtBy.IsEmpty)
            text.Append("  It is caught under other addresses too:\n");
        foreach (var rule in port.AlsoCaughtBy)
            text.Append($"      {rule.Rule}\n          {Count(rule)}\n");
    }

    private static void PrintEndpoints(StringBuilder text, PortExplanation port, string node)
    {
        text.Append(port.Endpoints.Length == 1
            ? "  All connections go to the one endpoint:\n"
            : $"  Connections are split over {port.Endpoints.Length} endpoints:\n");
        foreach (var endpoint in port.Endpoints)
        {
            text.Append($"      {endpoint.SplitBy.Rule}\n");
            text.Append($"          {Percent(endpoint.WantedShare)} to {endpoint.Address}; {Got(endpoint.GotShare, endpoint.Connections)}\n");
            if (endpoint.KeepsClients is { } keeper)
                text.Append($"          clients that it served before come back to it ({Count(keeper)}):\n      {keeper.Rule}\n");
        }

        text.Append("  The destination is rewritten (DNAT), and the packet goes its way:\n");
        foreach (var endpoint in port.Endpoints)
        {
            text.Append($"      {endpoint.Dnat.Rule}\n");
            text.Append($"          {Way(endpoint.Address, endpoint.Device, endpoint.Route, endpoint.ReachesNode, node)}\n");
        }
    }

    private static void PrintMasquerade(StringBuilder text, PortExplanation port)
    {
        if (port.Masquerade.IsEmpty)
            return;
        text.Append("  Clients keep their own source address, except:\n");
        foreach (var masquerade in port.Masquerade)
        {
            text.Append($"      {masquerade.Rule.Rule}\n");
            text.Append($"          {masquerade.Reason} ({Count(masquerade.Rule)})\n");
        }
    }

    /// <summary>In nat, a packet is a connection: only the first one of each comes by.</summary>
    private static string Count(CitedRule rule) =>
        $"{Counted(rule.Packets, "packet")}{(rule.Table == Rules.IptablesTables.Nat ? ", one per connection" : "")}";
}
