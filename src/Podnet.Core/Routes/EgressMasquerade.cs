using System.Collections.Immutable;
using System.Net;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>
/// What leaves the cluster must come from an address that the world can answer: traffic of this node's pods to what is neither
/// a pod nor a node gets the node's own. Nothing else is touched, so pods and nodes see each other's real addresses. (A packet
/// to a Service has an endpoint's address by then: destination NAT comes first.)
/// </summary>
/// <remarks>
/// The addresses are sets beside one rule that never changes, so a node that comes or goes is a change of two elements, and
/// connections of the others never see the rule gone.
/// </remarks>
/// <param name="OwnPods">This node's pod CIDRs; never empty.</param>
/// <param name="ClusterPods">Where all pods are. Disjoint, as sets of intervals must be.</param>
/// <param name="NodeIPs">All nodes' addresses, this one's too.</param>
/// <param name="NotMasqueraded">Where else pods are seen as themselves, as configured. Disjoint.</param>
public sealed record EgressMasquerade(
    IPFamily Family,
    ImmutableArray<IPNetwork> OwnPods,
    ImmutableArray<IPNetwork> ClusterPods,
    ImmutableArray<IPAddress> NodeIPs,
    ImmutableArray<IPNetwork> NotMasqueraded)
{
    /// <summary>Of the table in either family; Podnet owns all of it.</summary>
    public const string TableName = "podnet";
    public const string ChainName = "egress";
    public const string OwnPodsSet = "own-pods";
    public const string ClusterPodsSet = "cluster-pods";
    public const string NodeIPsSet = "node-ips";
    public const string NotMasqueradedSet = "not-masqueraded";
    public const string TableComment = "Podnet";
    public const string OwnPodsComment = "pod CIDRs of this node";
    public const string ClusterPodsComment = "where all pods of the cluster are";
    public const string NodeIPsComment = "nodes of the cluster";
    public const string NotMasqueradedComment = "where else pods are seen as themselves";
    public const string RuleComment = "from pods of this node to beyond the cluster";

    /// <summary>How the chain is hooked in, in nft's words.</summary>
    public const string ChainText = "type nat hook postrouting priority srcnat; policy accept;";

    /// <summary>The chain's only rule, in nft's words.</summary>
    public static string RuleText(IPFamily family)
    {
        var ip = family == IPFamily.V4 ? "ip" : "ip6";
        return $"{ip} saddr @{OwnPodsSet} {ip} daddr != @{ClusterPodsSet} {ip} daddr != @{NodeIPsSet} {ip} daddr != @{NotMasqueradedSet} counter masquerade fully-random comment \"{RuleComment}\"";
    }

    /// <summary>One for each family that the node has pods in, IPv4 first.</summary>
    /// <param name="clusterCidrs">Where pods may be beside the nodes' own pod CIDRs, as configured; may be empty.</param>
    /// <param name="notMasqueraded">May be empty, and overlap.</param>
    public static ImmutableArray<EgressMasquerade> For(
        ClusterState state, string nodeName, ImmutableArray<IPNetwork> clusterCidrs, ImmutableArray<IPNetwork> notMasqueraded)
    {
        if (!state.Nodes.TryGetValue(nodeName, out var self))
            return [];
        var pods = clusterCidrs.Concat(state.Nodes.Values.SelectMany(node => node.PodCidrs)).ToList();
        var nodes = state.Nodes.Values.SelectMany(node => node.InternalIPs).Distinct().ToList();
        return
        [
            .. from family in (IPFamily[])[IPFamily.V4, IPFamily.V6]
               where self.PodCidrs.Any(cidr => cidr.Family() == family)
               select new EgressMasquerade(
                   family,
                   Networks.Disjoint(self.PodCidrs.Where(cidr => cidr.Family() == family)),
                   Networks.Disjoint(pods.Where(cidr => cidr.Family() == family)),
                   [.. nodes.Where(ip => ip.Family() == family).Order(Networks.ByBytes)],
                   Networks.Disjoint(notMasqueraded.Where(cidr => cidr.Family() == family)))
        ];
    }

    /// <summary>The whole table, for <c>nft -f</c>.</summary>
    public string Print()
    {
        var ip = Family == IPFamily.V4 ? "ip" : "ip6";
        var type = Family == IPFamily.V4 ? "ipv4_addr" : "ipv6_addr";
        var text = new StringBuilder();
        text.Append($"table {ip} {TableName} {{\n\tcomment \"{TableComment}\"\n");
        PrintSet(text, OwnPodsSet, type, "\t\tflags interval\n", OwnPodsComment, OwnPods.Select(AddressText.Of));
        PrintSet(text, ClusterPodsSet, type, "\t\tflags interval\n", ClusterPodsComment, ClusterPods.Select(AddressText.Of));
        PrintSet(text, NodeIPsSet, type, "", NodeIPsComment, NodeIPs.Select(AddressText.Of));
        PrintSet(text, NotMasqueradedSet, type, "\t\tflags interval\n", NotMasqueradedComment, NotMasqueraded.Select(AddressText.Of));
        text.Append($"\tchain {ChainName} {{\n\t\t{ChainText}\n");
        text.Append($"\t\t{RuleText(Family)}\n\t}}\n}}\n");
        return text.ToString();
    }

    private static void PrintSet(StringBuilder text, string name, string type, string flags, string comment, IEnumerable<string> elements)
    {
        text.Append($"\tset {name} {{\n\t\ttype {type}\n{flags}\t\tcomment \"{comment}\"\n");
        var list = string.Join(", ", elements);
        if (list.Length > 0)
            text.Append($"\t\telements = {{ {list} }}\n");
        text.Append("\t}\n\n");
    }
}
