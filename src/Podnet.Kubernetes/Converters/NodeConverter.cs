using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>v1 Node → <see cref="Node"/>.</summary>
public static class NodeConverter
{
    private const string ZoneLabel = "topology.kubernetes.io/zone";

    /// <summary>The cluster autoscaler's: the node is drained and then goes.</summary>
    private const string LeavingTaint = "ToBeDeletedByClusterAutoscaler";

    public static Converted<Node> Convert(V1Node node)
    {
        try
        {
            string? zone = null;
            node.Metadata?.Labels?.TryGetValue(ZoneLabel, out zone);
            return new(
                new Node(Fields.Subdomain(node.Metadata?.Name, "metadata.name"))
                {
                    InternalIPs = InternalIPs(node.Status?.Addresses),
                    PodCidrs = PodCidrs(node.Spec),
                    Zone = string.IsNullOrEmpty(zone) ? null : zone,
                    Leaving = node.Metadata!.DeletionTimestamp is not null
                        || node.Spec?.Taints?.Any(taint => taint?.Key == LeavingTaint) == true,
                },
                null);
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    private static ImmutableArray<IPAddress> InternalIPs(IList<V1NodeAddress>? addresses)
    {
        var converted = ImmutableArray.CreateBuilder<IPAddress>();
        for (var i = 0; i < (addresses?.Count ?? 0); i++)
        {
            if (addresses![i] is { Type: "InternalIP" } given)
                converted.Add(Fields.Address(given.Address, $"status.addresses[{i}].address"));
        }
        return converted.DrainToImmutable();
    }

    /// <summary>spec.podCIDR is the first of spec.podCIDRs; old objects have only that.</summary>
    private static ImmutableArray<IPNetwork> PodCidrs(V1NodeSpec? spec)
    {
        if (spec?.PodCIDRs is not { Count: > 0 } texts)
            return string.IsNullOrEmpty(spec?.PodCIDR) ? [] : [Fields.Network(spec.PodCIDR, "spec.podCIDR")];
        var cidrs = texts.Select((text, i) => Fields.Network(text, $"spec.podCIDRs[{i}]")).ToImmutableArray();
        Fields.OnePerFamily([.. cidrs.Select(cidr => cidr.BaseAddress)], "spec.podCIDRs");
        return cidrs;
    }
}
