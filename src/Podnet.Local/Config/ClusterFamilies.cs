using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Local.Config;

/// <summary>Which IP families a local cluster has, and the networks that it has without being told others.</summary>
public static class ClusterFamilies
{
    /// <summary>As kind's networking.ipFamily spells them; the first is the default.</summary>
    public static readonly ImmutableArray<string> Words = ["ipv4", "ipv6", "dual"];

    public static readonly ImmutableArray<IPNetwork> Pods = [IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("fd00:10:244::/56")];

    public static readonly ImmutableArray<IPNetwork> Services = [IPNetwork.Parse("10.96.0.0/16"), IPNetwork.Parse("fd00:10:96::/112")];

    public static readonly ImmutableArray<IPNetwork> Nodes = [IPNetwork.Parse("10.99.0.0/24"), IPNetwork.Parse("fd00:10:99::/112")];

    /// <summary>Null for a word that is none of <see cref="Words"/>.</summary>
    public static ImmutableArray<IPFamily>? Parse(string word) => word switch
    {
        "ipv4" => [IPFamily.V4],
        "ipv6" => [IPFamily.V6],
        "dual" => [IPFamily.V4, IPFamily.V6],
        _ => null,
    };

    /// <summary>The cluster with these families: networks of others are dropped, and those that are missing are the usual ones.</summary>
    public static ClusterSpec With(this ClusterSpec spec, ImmutableArray<IPFamily> families) => spec with
    {
        PodCidrs = Fit(spec.PodCidrs, Pods, families),
        ServiceCidrs = Fit(spec.ServiceCidrs, Services, families),
        NodeCidrs = Fit(spec.NodeCidrs, Nodes, families),
    };

    public static ImmutableArray<IPFamily> Of(IEnumerable<IPNetwork> networks) => [.. networks.Select(network => network.Family())];

    private static ImmutableArray<IPNetwork> Fit(ImmutableArray<IPNetwork> given, ImmutableArray<IPNetwork> usual, ImmutableArray<IPFamily> families)
    {
        var kept = given.Where(network => families.Contains(network.Family())).ToList();
        return [.. kept, .. usual.Where(network => families.Contains(network.Family()) && !kept.Exists(one => one.Family() == network.Family()))];
    }
}
