using System.Globalization;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// Connections, from the counters of rules in the table nat, which sees the first packet of each alone: of an endpoint those of its
/// DNAT, of a Service those of the jumps to its chains.
/// </summary>
internal static class IptablesConnectionCounts
{
    /// <param name="save">What iptables-save -c -t nat prints.</param>
    public static ConnectionCounts Read(string save, ServiceIntent intent)
    {
        var (services, endpoints) = (new Dictionary<string, ulong>(), new Dictionary<string, ulong>());
        var (serviceOf, endpointOf) = (services.GetAlternateLookup<ReadOnlySpan<char>>(), endpoints.GetAlternateLookup<ReadOnlySpan<char>>());
        foreach (var line in save.AsSpan().EnumerateLines())
        {
            // [packets:bytes] -A CHAIN ... -j TARGET [...]
            if (!TryRule(line, out var packets, out var chain, out var target) || packets == 0)
                continue;
            if (chain.StartsWith(KubeChains.EndpointPrefix) && target is "DNAT")
                endpointOf[chain] = packets;
            else if (chain is KubeChains.Services or KubeChains.NodePorts && target.StartsWith("KUBE-"))
                serviceOf[target] = serviceOf.TryGetValue(target, out var others) ? others + packets : packets;
        }

        return new ConnectionCounts(
            intent.Family,
            [.. intent.Ports.Select(port => (port.Name, ChainsOf(port.Name).Aggregate(0UL, (sum, chain) => sum + services.GetValueOrDefault(chain))))],
            endpoints.Count == 0
                ? []
                : [.. intent.Ports.SelectMany(port => port.ReachableEndpoints.Select(endpoint =>
                    new EndpointConnections(port.Name, endpoint.Text, endpoints.GetValueOrDefault(KubeChains.Endpoint(port.Name, endpoint)))))]);
    }

    /// <summary>Those that the dispatch jumps to.</summary>
    private static string[] ChainsOf(ServicePortName port) =>
        [KubeChains.Cluster(port), KubeChains.Local(port), KubeChains.External(port), KubeChains.LoadBalancerFirewall(port)];

    private static bool TryRule(ReadOnlySpan<char> line, out ulong packets, out ReadOnlySpan<char> chain, out ReadOnlySpan<char> target)
    {
        packets = 0;
        chain = target = default;
        var colon = line.IndexOf(':');
        var append = line.IndexOf("] -A ");
        var jump = line.LastIndexOf(" -j ");
        if (line is not ['[', ..] || colon < 0 || append < colon || jump < append)
            return false;
        chain = Word(line[(append + 5)..]);
        target = Word(line[(jump + 4)..]);
        return ulong.TryParse(line[1..colon], NumberStyles.None, CultureInfo.InvariantCulture, out packets);
    }

    private static ReadOnlySpan<char> Word(ReadOnlySpan<char> text) => text.IndexOf(' ') is >= 0 and var end ? text[..end] : text;
}
