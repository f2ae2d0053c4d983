using System.Collections.Immutable;
using System.Net;

namespace Podnet.Agent;

public enum ProxyMode
{
    Iptables,
}

/// <summary>What the agent of one node is told.</summary>
/// <param name="NodeName">The name of its Node object.</param>
/// <param name="Kubeconfig">The path of the file that says where the API server is; null for what a pod of the cluster is told.</param>
public sealed record AgentOptions(string NodeName, string? Kubeconfig)
{
    public ProxyMode ProxyMode { get; init; } = ProxyMode.Iptables;

    /// <summary>
    /// What counts as pods, for Services (kube-proxy's --cluster-cidr) and for egress. Empty: for Services this node's own pod CIDRs
    /// (kube-proxy's detectLocalMode NodeCIDR), for egress those of all nodes.
    /// </summary>
    public ImmutableArray<IPNetwork> ClusterCidrs { get; init; } = [];

    /// <summary>How often everything is read back in full. kube-proxy's default.</summary>
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);
}
