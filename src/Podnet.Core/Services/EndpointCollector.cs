using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>From a Service's slices, in any order and with duplicates, the endpoints of one of its ports.</summary>
internal static class EndpointCollector
{
    /// <returns>Sorted by text (ordinal, as Kubernetes does), one per address and port.</returns>
    public static ImmutableArray<ServiceEndpoint> Collect(
        ServicePortName name, ImmutableArray<EndpointSlice> slices, string nodeName, IPFamily family)
    {
        var found = new List<ServiceEndpoint>();
        foreach (var slice in slices)
        {
            foreach (var port in slice.Ports)
            {
                if (port.Name != name.Port || port.Protocol != name.Protocol)
                    continue;
                foreach (var endpoint in slice.Endpoints)
                {
                    if (endpoint.Address.Family() == family)
                        found.Add(Describe(endpoint, port.Port, nodeName));
                }
            }
        }

        var texts = new string[found.Count];
        for (var i = 0; i < texts.Length; i++)
            texts[i] = found[i].Text;
        var sorted = found.ToArray();
        Array.Sort(texts, sorted, StringComparer.Ordinal);
        return OnePerText(texts, sorted);
    }

    private static ImmutableArray<ServiceEndpoint> OnePerText(string[] texts, ServiceEndpoint[] sorted)
    {
        var count = 0;
        for (var i = 0; i < sorted.Length; i++)
        {
            if (i == 0 || texts[i] != texts[i - 1])
                sorted[count++] = sorted[i];
            else if (Wins(sorted[i], sorted[count - 1]))
                sorted[count - 1] = sorted[i];
        }

        return count == sorted.Length ? ImmutableCollectionsMarshal.AsImmutableArray(sorted) : [.. sorted.AsSpan(0, count)];
    }

    private static ServiceEndpoint Describe(Endpoint endpoint, ushort port, string nodeName) =>
        new(endpoint.Address, port, endpoint.NodeName == nodeName)
        {
            IsElsewhere = endpoint.NodeName is { } where && where != nodeName,
            Ready = endpoint.Ready,
            Serving = endpoint.Serving,
            Terminating = endpoint.Terminating,
            ZoneHints = endpoint.ZoneHints,
            NodeHints = endpoint.NodeHints,
        };

    /// <summary>
    /// The address of a terminating pod can belong to a new one already: the new one wins. Kubernetes leaves the other cases
    /// open; here they follow from the endpoints alone, never from the order in which slices arrived.
    /// </summary>
    private static bool Wins(ServiceEndpoint one, ServiceEndpoint other)
    {
        if (one.Terminating != other.Terminating)
            return !one.Terminating;
        if (one.Ready != other.Ready)
            return one.Ready;
        if (one.Serving != other.Serving)
            return one.Serving;
        if (one.IsLocal != other.IsLocal)
            return one.IsLocal;
        return string.CompareOrdinal(HintText(one), HintText(other)) < 0;
    }

    private static string HintText(ServiceEndpoint endpoint) =>
        string.Join(',', endpoint.NodeHints) + ";" + string.Join(',', endpoint.ZoneHints);
}
