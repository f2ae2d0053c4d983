using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Podnet.Local.Config;

/// <summary>A local cluster as somebody wants it.</summary>
public sealed record ClusterSpec
{
    public const string DefaultName = "podnet";

    /// <summary>The machine as it comes without a config file: two nodes.</summary>
    public static readonly ClusterSpec Default = new();

    public string Name { get; init; } = DefaultName;

    public ImmutableArray<NodeSpec> Nodes { get; init; } = [new NodeSpec("node-1"), new NodeSpec("node-2")];

    public IPNetwork PodCidr { get; init; } = IPNetwork.Parse("10.244.0.0/16");

    public IPNetwork ServiceCidr { get; init; } = IPNetwork.Parse("10.96.0.0/16");

    /// <summary>The addresses of the fabric: the first is the API server's, the nodes follow, the last is outside's.</summary>
    public IPNetwork NodeCidr { get; init; } = IPNetwork.Parse("10.99.0.0/24");

    /// <summary>At 127.0.0.1 of the machine; 0 lets the kernel choose a free one.</summary>
    public ushort ApiServerPort { get; init; }

    /// <summary>How the agents turn Services into kernel rules: one of <see cref="ClusterSpecRules.ProxyModes"/>.</summary>
    public string ProxyMode { get; init; } = "nftables";
}

public sealed record NodeSpec(string Name)
{
    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Null: the next free /24 of the cluster's.</summary>
    public IPNetwork? PodCidr { get; init; }
}

/// <summary>What is wrong with a cluster's spec, if anything: the first fault, with the field's path as the config file spells it.</summary>
public static partial class ClusterSpecRules
{
    /// <summary>As the agent's --proxy-mode spells them, the default first.</summary>
    public static readonly ImmutableArray<string> ProxyModes = ["nftables", "iptables"];

    /// <summary>The fault's field and what to do about it; null for a good spec.</summary>
    public static (string Field, string Fault)? FirstFault(ClusterSpec spec)
    {
        if (!NamePattern().IsMatch(spec.Name))
            return ("name", $"\"{spec.Name}\" is no cluster name: use up to 30 of a-z, 0-9 and '-', a letter first");
        if (!ProxyModes.Contains(spec.ProxyMode))
            return ("networking.kubeProxyMode", $"\"{spec.ProxyMode}\" is unknown: use {string.Join(" or ", ProxyModes)}");
        return NetworkFault(spec) ?? NodesFault(spec);
    }

    /// <summary>The same for one node that joins a running cluster.</summary>
    public static string? NodeNameFault(string name)
    {
        if (!NamePattern().IsMatch(name))
            return $"\"{name}\" is no node name: use up to 30 of a-z, 0-9 and '-', a letter first";
        return name is "fabric" or "outside" ? $"\"{name}\" is the name of a part of every cluster: use another" : null;
    }

    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    private static (string, string)? NetworkFault(ClusterSpec spec)
    {
        (string Field, IPNetwork Cidr)[] cidrs =
        [
            ("networking.podSubnet", spec.PodCidr),
            ("networking.serviceSubnet", spec.ServiceCidr),
            ("networking.nodeSubnet", spec.NodeCidr),
        ];
        foreach (var (field, cidr) in cidrs)
        {
            if (cidr.BaseAddress.AddressFamily != AddressFamily.InterNetwork)
                return (field, $"{cidr} is IPv6: local clusters are IPv4");
            if (Reserved.FirstOrDefault(r => Overlap(r, cidr)) is { PrefixLength: > 0 } reserved)
                return (field, $"{cidr} overlaps {reserved}, which hosts use for themselves");
        }

        for (var i = 1; i < cidrs.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (Overlap(cidrs[i].Cidr, cidrs[j].Cidr))
                    return (cidrs[i].Field, $"{cidrs[i].Cidr} overlaps {cidrs[j].Field} {cidrs[j].Cidr}");
            }
        }

        // Arbitrary upper bound: kube-proxy's and the API server's own is a /12 for IPv4 (--service-cluster-ip-range).
        if (spec.ServiceCidr.PrefixLength is < 12 or > 30)
            return ("networking.serviceSubnet", $"{spec.ServiceCidr}: the prefix length must be 12 to 30");
        var room = (1L << (32 - spec.NodeCidr.PrefixLength)) - 4; // network, API server, outside, broadcast
        return room < spec.Nodes.Length
            ? ("networking.nodeSubnet", $"{spec.NodeCidr} has room for {Math.Max(room, 0)} nodes, not {spec.Nodes.Length}")
            : null;
    }

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
            if (node.PodCidr is { } cidr && PodCidrFault(spec, i, cidr) is { } cidrFault)
                return ($"nodes[{i}].podCIDR", cidrFault);
        }

        return null;
    }

    private static string? PodCidrFault(ClusterSpec spec, int index, IPNetwork cidr)
    {
        if (!spec.PodCidr.Contains(cidr.BaseAddress) || cidr.PrefixLength < spec.PodCidr.PrefixLength)
            return $"{cidr} is not within networking.podSubnet {spec.PodCidr}";
        if (cidr.PrefixLength > 30)
            return $"{cidr} has no room for a pod: the prefix length must be at most 30";
        var other = spec.Nodes.Take(index).FirstOrDefault(n => n.PodCidr is { } taken && Overlap(taken, cidr));
        return other is null ? null : $"{cidr} overlaps {other.PodCidr} of {other.Name}";
    }

    // Loopback, link-local, multicast and future use (RFC 6890).
    private static readonly IPNetwork[] Reserved =
        [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("224.0.0.0/3"), IPNetwork.Parse("0.0.0.0/8")];

    [GeneratedRegex("^[a-z][-a-z0-9]{0,28}[a-z0-9]$|^[a-z]$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex NamePattern();
}
