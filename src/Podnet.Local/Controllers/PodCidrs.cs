using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Local.Controllers;

/// <summary>The part of the cluster's pod addresses that a node gets.</summary>
/// <param name="Exhausted">The cluster's pod CIDR that has no free subnet left; then <paramref name="Cidrs"/> is empty.</param>
internal sealed record PodCidrGrant(V1Node Node, ImmutableArray<IPNetwork> Cidrs, IPNetwork? Exhausted);

/// <summary>The next free subnet of each of the cluster's pod CIDRs for every node that has none yet.</summary>
internal static class PodCidrs
{
    /// <summary>kube-controller-manager's defaults of --node-cidr-mask-size-ipv4 and -ipv6 (prefix length in bits).</summary>
    private const int MaskV4 = 24, MaskV6 = 64;

    /// <summary>spec.podCIDRs; what is no CIDR is left out.</summary>
    public static ImmutableArray<IPNetwork> Of(V1Node node)
    {
        var texts = node.Spec?.PodCIDRs is { Count: > 0 } several ? several : node.Spec?.PodCIDR is { Length: > 0 } one ? [one] : [];
        var cidrs = ImmutableArray.CreateBuilder<IPNetwork>();
        foreach (var text in texts)
            if (IPNetwork.TryParse(text, out var cidr)) cidrs.Add(cidr);
        return cidrs.ToImmutable();
    }

    public static bool HasNone(V1Node node) => string.IsNullOrEmpty(node.Spec?.PodCIDR) && node.Spec?.PodCIDRs is not { Count: > 0 };

    /// <param name="nodes">All nodes; those that have CIDRs keep them.</param>
    public static ImmutableArray<PodCidrGrant> Decide(IReadOnlyCollection<V1Node> nodes, ImmutableArray<IPNetwork> clusterCidrs)
    {
        var taken = nodes.SelectMany(node => Of(node)).ToList();
        var grants = ImmutableArray.CreateBuilder<PodCidrGrant>();
        foreach (var node in nodes.Where(node => HasNone(node) && node.Metadata.DeletionTimestamp is null)
            .OrderBy(node => node.Metadata.CreationTimestamp ?? DateTime.MaxValue).ThenBy(node => node.Metadata.Name, StringComparer.Ordinal))
        {
            var cidrs = clusterCidrs.Select(cluster => (Cluster: cluster, Free: NextFree(cluster, taken))).ToList();
            var full = cidrs.Where(c => c.Free is null).Select(c => (IPNetwork?)c.Cluster).FirstOrDefault();
            if (full is not null)
            {
                grants.Add(new PodCidrGrant(node, [], full));
                continue;
            }
            var granted = cidrs.Select(c => c.Free!.Value).ToImmutableArray();
            taken.AddRange(granted);
            grants.Add(new PodCidrGrant(node, granted, null));
        }
        return grants.ToImmutable();
    }

    private static IPNetwork? NextFree(IPNetwork cluster, List<IPNetwork> taken)
    {
        var v4 = cluster.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        var bits = v4 ? 32 : 128;
        var prefix = Math.Max(cluster.PrefixLength, v4 ? MaskV4 : MaskV6);
        var (start, end) = Range(cluster);
        var used = taken.Where(t => t.BaseAddress.AddressFamily == cluster.BaseAddress.AddressFamily).Select(Range).OrderBy(r => r.First).ToList();
        var last = (UInt128.One << (bits - prefix)) - 1;
        var at = start;
        foreach (var (first, until) in used)
        {
            if (until < at) continue;
            if (first > at + last) break;
            // The next subnet that begins behind what is taken.
            if (until == UInt128.MaxValue) return null;
            at = until > at + last ? (until | last) + 1 : at + last + 1;
        }
        return at >= start && at <= end - last ? new IPNetwork(cluster.At(at - start), prefix) : null;
    }

    private static (UInt128 First, UInt128 Last) Range(IPNetwork cidr)
    {
        var bytes = cidr.BaseAddress.GetAddressBytes();
        var first = bytes.Aggregate(UInt128.Zero, (value, b) => (value << 8) | b);
        var hostBits = bytes.Length * 8 - cidr.PrefixLength;
        return (first, hostBits == 128 ? UInt128.MaxValue : first + ((UInt128.One << hostBits) - 1));
    }
}
