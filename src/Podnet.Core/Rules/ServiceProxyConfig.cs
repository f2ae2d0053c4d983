using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>How to tell that a packet comes from a pod (kube-proxy's detectLocalMode); such packets keep their source address.</summary>
public abstract record LocalTraffic
{
    /// <summary>Modes ClusterCIDR and NodeCIDR. The first of each family counts, as in kube-proxy.</summary>
    public sealed record FromNetworks(ImmutableArray<IPNetwork> Networks) : LocalTraffic
    {
        public bool Equals(FromNetworks? other) => other is not null && Networks.SequenceEqual(other.Networks);

        public override int GetHashCode() => Networks.Length;
    }

    public sealed record FromBridge(string Interface) : LocalTraffic;

    /// <param name="Prefix">Of the names of the host's ends of pods' links.</param>
    public sealed record FromInterfaces(string Prefix) : LocalTraffic;
}

/// <summary>What the Service proxy is told besides the cluster's objects.</summary>
public sealed record ServiceProxyConfig
{
    /// <summary>Null: unknown, so nothing is masqueraded for being from outside, and policy Local spares no pods.</summary>
    public LocalTraffic? LocalTraffic { get; init; }

    /// <summary>The bit of the packet mark that asks for masquerade, 0 to 31; 14 is kube-proxy's default.</summary>
    public int MasqueradeBit { get; init; } = 14;

    /// <summary>Masquerade all traffic to cluster IPs.</summary>
    public bool MasqueradeAll { get; init; }

    /// <summary>Node ports answer on 127.0.0.1 too (IPv4 alone; needs the sysctl net.ipv4.conf.all.route_localnet).</summary>
    public bool LocalhostNodePorts { get; init; } = true;

    /// <summary>Node ports answer on the node's addresses in these networks; none of a family means on all of them.</summary>
    public ImmutableArray<IPNetwork> NodePortAddresses { get; init; } = [];

    /// <summary>This node's InternalIPs, at most one of each family.</summary>
    public ImmutableArray<IPAddress> NodeIPs { get; init; } = [];

    /// <summary>All addresses on this node's interfaces; only looked at where <see cref="NodePortAddresses"/> picks some.</summary>
    public ImmutableArray<IPAddress> InterfaceAddresses { get; init; } = [];

    /// <summary>The kernel has accounting objects (CONFIG_NETFILTER_NETLINK_ACCT and the nfacct match).</summary>
    public bool Nfacct { get; init; }

    /// <summary>The sysctl net.netfilter.nf_conntrack_tcp_be_liberal is set: no packet is out of its window, so none is dropped for it.</summary>
    public bool ConntrackTcpBeLiberal { get; init; }

    public bool Equals(ServiceProxyConfig? other) =>
        other is not null && Equals(LocalTraffic, other.LocalTraffic) && MasqueradeBit == other.MasqueradeBit && MasqueradeAll == other.MasqueradeAll
        && LocalhostNodePorts == other.LocalhostNodePorts && Nfacct == other.Nfacct && ConntrackTcpBeLiberal == other.ConntrackTcpBeLiberal
        && NodePortAddresses.SequenceEqual(other.NodePortAddresses) && NodeIPs.SequenceEqual(other.NodeIPs)
        && InterfaceAddresses.SequenceEqual(other.InterfaceAddresses);

    public override int GetHashCode() => HashCode.Combine(LocalTraffic, MasqueradeBit, MasqueradeAll);

    internal uint MasqueradeMark => 1u << MasqueradeBit;

    /// <summary>
    /// Whether node ports answer on 127.0.0.1 in the end: that is asked for, and the addresses for node ports have it.
    /// </summary>
    public bool ServesLocalhost => LocalhostNodePorts
        && (NodePortsEverywhere(IPFamily.V4) || NodePortAddresses.Any(n => n.Family() == IPFamily.V4 && HasLoopback(n)));

    internal bool NodePortsEverywhere(IPFamily family)
    {
        var picked = NodePortAddresses.Where(n => n.Family() == family).ToList();
        return picked.Count == 0 || picked.Exists(n => n.PrefixLength == 0);
    }

    internal IPAddress? NodeIP(IPFamily family) => NodeIPs.FirstOrDefault(ip => ip.Family() == family);

    /// <summary>
    /// The addresses that node ports answer on in nftables mode: those of the node's interfaces that are picked, and the node's own
    /// InternalIP where none at all are picked (kube-proxy's "primary"). Never a loopback address: its packets cannot leave the node.
    /// </summary>
    internal IEnumerable<IPAddress> NodePortIPs(IPFamily family)
    {
        if (NodePortAddresses.IsEmpty)
            return NodeIPs.Where(ip => ip.Family() == family);
        var everywhere = NodePortsEverywhere(family);
        return InterfaceAddresses
            .Where(ip => ip.Family() == family && !IPAddress.IsLoopback(ip) && (everywhere || NodePortAddresses.Any(n => n.Contains(ip))))
            .Distinct();
    }

    private static bool HasLoopback(IPNetwork network) =>
        IPAddress.IsLoopback(network.BaseAddress) || network.Contains(IPAddress.Loopback);
}
