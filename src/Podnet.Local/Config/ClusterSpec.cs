using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;
using Podnet.Core.Model;
using Podnet.Local.Fabric;

namespace Podnet.Local.Config;

/// <summary>A local cluster as somebody wants it.</summary>
public sealed record ClusterSpec
{
    public const string DefaultName = "podnet";

    /// <summary>The machine as it comes without a config file: two nodes.</summary>
    public static readonly ClusterSpec Default = new();

    public string Name { get; init; } = DefaultName;

    public ImmutableArray<NodeSpec> Nodes { get; init; } = [new NodeSpec("node-1"), new NodeSpec("node-2")];

    /// <summary>One, or one of each family. A node's pod CIDRs, and so a pod's addresses, are in this order.</summary>
    public ImmutableArray<IPNetwork> PodCidrs { get; init; } = [ClusterFamilies.Pods[0]];

    /// <summary>Likewise; a Service that does not say which family it wants gets one address, of the first.</summary>
    public ImmutableArray<IPNetwork> ServiceCidrs { get; init; } = [ClusterFamilies.Services[0]];

    /// <summary>Likewise, the addresses of the fabric: the first is the API server's, the nodes follow, the last is outside's.</summary>
    public ImmutableArray<IPNetwork> NodeCidrs { get; init; } = [ClusterFamilies.Nodes[0]];

    /// <summary>How packets get to other nodes' pods: one of <see cref="ClusterSpecRules.PodNetworks"/>.</summary>
    public string PodNetwork { get; init; } = "auto";

    /// <summary>The agents' --fast-path.</summary>
    public bool FastPath { get; init; } = true;

    /// <summary>What pods reach with their own addresses, beside pods and nodes.</summary>
    public ImmutableArray<IPNetwork> NonMasqueradeCidrs { get; init; } = [];

    /// <summary>At 127.0.0.1 of the machine; 0 lets the kernel choose a free one.</summary>
    public ushort ApiServerPort { get; init; }

    /// <summary>How the agents turn Services into kernel rules: one of <see cref="ClusterSpecRules.ProxyModes"/>.</summary>
    public string ProxyMode { get; init; } = "nftables";

    /// <summary>The cluster's own Services: its DNS server behind kube-dns, and its API server behind default/kubernetes.</summary>
    public bool Dns { get; init; } = true;
}

public sealed record NodeSpec(string Name)
{
    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>One of each of the cluster's families; empty: the next free ones.</summary>
    public ImmutableArray<IPNetwork> PodCidrs { get; init; } = [];
}

/// <summary>What is wrong with a cluster's spec, if anything: the first fault, with the field's path as the config file spells it.</summary>
public static partial class ClusterSpecRules
{
    /// <summary>As the agent's --proxy-mode spells them, the default first.</summary>
    public static readonly ImmutableArray<string> ProxyModes = ["nftables", "iptables"];

    /// <summary>As the agent's --pod-network spells them, the default first.</summary>
    public static readonly ImmutableArray<string> PodNetworks = ["auto", "direct", "vxlan"];

    /// <summary>The fault's field and what to do about it; null for a good spec.</summary>
    public static (string Field, string Fault)? FirstFault(ClusterSpec spec)
    {
        if (!NamePattern().IsMatch(spec.Name))
            return ("name", $"\"{spec.Name}\" is no cluster name: use up to 30 of a-z, 0-9 and '-', a letter first");
        if (!ProxyModes.Contains(spec.ProxyMode))
            return ("networking.kubeProxyMode", $"\"{spec.ProxyMode}\" is unknown: use {string.Join(" or ", ProxyModes)}");
        if (!PodNetworks.Contains(spec.PodNetwork))
            return ("networking.podNetwork", $"\"{spec.PodNetwork}\" is unknown: use {string.Join(", ", PodNetworks[..^1])} or {PodNetworks[^1]}");
        return NetworkFault(spec) ?? NodesFault(spec);
    }

    /// <summary>The same for one node that joins a running cluster.</summary>
    public static string? NodeNameFault(string name)
    {
        if (!NamePattern().IsMatch(name))
            return $"\"{name}\" is no node name: use up to 30 of a-z, 0-9 and '-', a letter first";
        return name is "fabric" or "outside" ? $"\"{name}\" is the name of a part of every cluster: use another" : null;
    }

    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Family() == b.Family() && (a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress));

    private static (string, string)? NetworkFault(ClusterSpec spec)
    {
        (string Field, ImmutableArray<IPNetwork> Cidrs)[] fields =
        [
            ("networking.podSubnet", spec.PodCidrs),
            ("networking.serviceSubnet", spec.ServiceCidrs),
            ("networking.nodeSubnet", spec.NodeCidrs),
        ];
        foreach (var (field, cidrs) in fields)
        {
            var families = ClusterFamilies.Of(cidrs);
            if (cidrs.IsEmpty || families.Distinct().Count() != families.Length)
                return (field, $"{Text(cidrs)}: a cluster has one network, or one IPv4 and one IPv6");
            if (!families.Order().SequenceEqual(ClusterFamilies.Of(spec.PodCidrs).Order()))
                return (field, $"{Text(cidrs)} has other families than networking.podSubnet {Text(spec.PodCidrs)}");
            foreach (var cidr in cidrs)
            {
                if (Reserved.FirstOrDefault(r => Overlap(r, cidr)) is { PrefixLength: > 0 } reserved)
                    return (field, $"{cidr} overlaps {reserved}, which hosts use for themselves");
            }
        }

        var all = fields.SelectMany(field => field.Cidrs.Select(cidr => (field.Field, Cidr: cidr))).ToList();
        foreach (var (later, earlier) in from later in all from earlier in all.TakeWhile(one => one != later) select (later, earlier))
        {
            if (Overlap(later.Cidr, earlier.Cidr))
                return (later.Field, $"{later.Cidr} overlaps {earlier.Field} {earlier.Cidr}");
        }

        foreach (var cidr in spec.ServiceCidrs)
        {
            // The API server's own bounds (--service-cluster-ip-range): /12 for IPv4, /108 for IPv6.
            var (shortest, longest) = cidr.Family() == IPFamily.V4 ? (12, 30) : (108, 126);
            if (cidr.PrefixLength < shortest || cidr.PrefixLength > longest)
                return ("networking.serviceSubnet", $"{cidr}: the prefix length must be {shortest} to {longest}");
        }

        foreach (var cidr in spec.NodeCidrs)
        {
            var room = cidr.Size() < 8 ? 0 : FabricNetwork.Places(cidr);
            if (room < (uint)spec.Nodes.Length)
                return ("networking.nodeSubnet", $"{cidr} has room for {room} nodes, not {spec.Nodes.Length}: half of it is for the addresses of load balancers");
        }

        return null;
    }

    /// <summary>As the config file has them.</summary>
    public static string Text(IEnumerable<IPNetwork> cidrs) => string.Join(',', cidrs);

    private static (string, string)? NodesFault(ClusterSpec spec)
    {
        if (spec.Nodes.IsEmpty)
            return ("nodes", "a cluster has at least one node");
        for (var i = 0; i < spec.Nodes.Length; i++)
        {
            var node = spec.Nodes[i];
            if (NodeNameFault(node.Name) is { } fault)
                return ($"nodes[{i}].name", fault);
            if (spec.Nodes.Take(i).Any(other => other.Name == node.Name))
                return ($"nodes[{i}].name", $"\"{node.Name}\" is taken by another node");
            if (!node.PodCidrs.IsEmpty && PodCidrsFault(spec, node.PodCidrs, spec.Nodes.Take(i)) is { } cidrFault)
                return ($"nodes[{i}].podCIDR", cidrFault);
        }

        return null;
    }

    /// <summary>What is wrong with the pod CIDRs of a node that joins others.</summary>
    public static string? PodCidrsFault(ClusterSpec spec, ImmutableArray<IPNetwork> cidrs, IEnumerable<NodeSpec> others)
    {
        if (!ClusterFamilies.Of(cidrs).Order().SequenceEqual(ClusterFamilies.Of(spec.PodCidrs).Order()))
            return $"{Text(cidrs)}: one of each family is needed, as of networking.podSubnet {Text(spec.PodCidrs)}";
        foreach (var cidr in cidrs)
        {
            var cluster = spec.PodCidrs.First(one => one.Family() == cidr.Family());
            if (!cluster.Contains(cidr.BaseAddress) || cidr.PrefixLength < cluster.PrefixLength)
                return $"{cidr} is not within networking.podSubnet {cluster}";
            if (cidr.PrefixLength > cidr.Family().Bits() - 2)
                return $"{cidr} has no room for a pod: the prefix length must be at most {cidr.Family().Bits() - 2}";
            foreach (var other in others)
            {
                if (other.PodCidrs.Any(taken => Overlap(taken, cidr)))
                    return $"{cidr} overlaps {other.PodCidrs.First(taken => Overlap(taken, cidr))} of {other.Name}";
            }
        }

        return null;
    }

    // Loopback, link-local, multicast and future use (RFC 6890).
    private static readonly IPNetwork[] Reserved =
        [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("224.0.0.0/3"), IPNetwork.Parse("0.0.0.0/8"),
         IPNetwork.Parse("::/8"), IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("ff00::/8")];

    [GeneratedRegex("^[a-z][-a-z0-9]{0,28}[a-z0-9]\\z|^[a-z]\\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex NamePattern();
}
