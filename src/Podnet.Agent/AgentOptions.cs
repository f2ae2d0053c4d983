using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Podnet.Core.Routes;

namespace Podnet.Agent;

public enum ProxyMode
{
    Iptables,
    Nftables,
}

/// <summary>How a packet of a pod is told from one of anybody else; kube-proxy's detectLocalMode.</summary>
public enum LocalDetection
{
    /// <summary>Its source is in <see cref="AgentOptions.ClusterCidrs"/>.</summary>
    ClusterCidr,

    /// <summary>Its source is in this node's own pod CIDRs.</summary>
    NodeCidr,

    /// <summary>It comes in from the bridge <see cref="AgentOptions.DetectLocalInterface"/>.</summary>
    BridgeInterface,

    /// <summary>It comes in from a link whose name begins with <see cref="AgentOptions.DetectLocalInterface"/>.</summary>
    InterfaceNamePrefix,
}

/// <summary>What the agent of one node is told. Checked already: whoever makes one from outside input is <see cref="Config.AgentConfiguration"/>.</summary>
/// <param name="NodeName">The name of its Node object.</param>
/// <param name="Kubeconfig">The path of the file that says where the API server is; null for what a pod of the cluster is told.</param>
public sealed record AgentOptions(string NodeName, string? Kubeconfig)
{
    public ProxyMode ProxyMode { get; init; } = ProxyMode.Nftables;

    /// <summary>Where pods are, for egress and for <see cref="LocalDetection.ClusterCidr"/>. Egress adds the pod CIDRs of all nodes.</summary>
    public ImmutableArray<IPNetwork> ClusterCidrs { get; init; } = [];

    /// <summary>How packets get to other nodes' pods.</summary>
    public PodNetworkMode PodNetwork { get; init; } = PodNetworkMode.Auto;

    /// <summary>Established TCP connections that nothing translates go past routing, connection tracking and rules, where the kernel can.</summary>
    public bool FastPath { get; init; } = true;

    /// <summary>What pods reach with their own addresses, beside pods and nodes: ip-masq-agent's nonMasqueradeCIDRs.</summary>
    public ImmutableArray<IPNetwork> NonMasqueradeCidrs { get; init; } = [];

    /// <summary>Null: by <see cref="ClusterCidrs"/> or, where there are none, by this node's own pod CIDRs.</summary>
    public LocalDetection? DetectLocal { get; init; }

    public string DetectLocalInterface { get; init; } = "";

    /// <summary>The bit of the packet mark that asks for masquerade, 0 to 31.</summary>
    public int MasqueradeBit { get; init; } = 14;

    /// <summary>Masquerade all traffic to cluster IPs.</summary>
    public bool MasqueradeAll { get; init; }

    /// <summary>Node ports answer on 127.0.0.1, too: IPv4, iptables mode.</summary>
    public bool LocalhostNodePorts { get; init; } = true;

    /// <summary>Node ports answer on the node's addresses in these; none of a family, and not <see cref="NodePortsOnPrimary"/>: on all.</summary>
    public ImmutableArray<IPNetwork> NodePortNetworks { get; init; } = [];

    /// <summary>Node ports answer on the node's own InternalIPs, beside <see cref="NodePortNetworks"/>.</summary>
    public bool NodePortsOnPrimary { get; init; }

    /// <summary>This node's address of its family, instead of what its Node object says; null for that. kube-proxy's bindAddress.</summary>
    public IPAddress? NodeIP { get; init; }

    /// <summary>Of /healthz and /livez; null for none. An unspecified address, of either family, is both families.</summary>
    public IPEndPoint? HealthzAddress { get; init; } = new(IPAddress.Any, 10256);

    /// <summary>Of /metrics, /healthz, /proxyMode and /configz; null for none.</summary>
    public IPEndPoint? MetricsAddress { get; init; } = new(IPAddress.Loopback, 10249);

    /// <summary>An address of those two that cannot be had ends the agent; else it is tried again.</summary>
    public bool BindAddressHardFail { get; init; }

    /// <summary>How often everything is read back in full. kube-proxy's default.</summary>
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>At least so long between two writes; null: as short as keeps the agent from working more than half of the time.</summary>
    public TimeSpan? MinSyncPeriod { get; init; }

    /// <summary>Files for the container runtime and the CNI plugin; null writes none.</summary>
    public CniFiles? Cni { get; init; }

    public ConntrackOptions Conntrack { get; init; } = new();

    /// <summary>Of this process, -1000 to 1000; null: left as it is.</summary>
    public int? OomScoreAdjust { get; init; }

    /// <summary>The least that is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;
}

/// <summary>Sysctls of connection tracking; what is null is left as it is.</summary>
public sealed record ConntrackOptions
{
    /// <summary>Connections at most, for all of the node. Only ever raised.</summary>
    public int? Max { get; init; }

    public TimeSpan? TcpEstablished { get; init; }

    public TimeSpan? TcpCloseWait { get; init; }

    /// <summary>Packets out of their window are not invalid.</summary>
    public bool TcpBeLiberal { get; init; }

    public TimeSpan? Udp { get; init; }

    public TimeSpan? UdpStream { get; init; }
}
