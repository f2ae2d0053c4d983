using System.Text.Json;
using Podnet.Core.Model;

namespace Podnet.Agent.Config;

/// <summary>What the agent was told, as kube-proxy's config says it: defaults filled in.</summary>
internal static class AgentConfigurationText
{
    /// <summary>The answer of /configz: configurations by API group.</summary>
    public static string Configz(AgentOptions options) =>
        $"{{\"kubeproxy.config.k8s.io\":{JsonSerializer.Serialize(Of(options), KubeProxyConfigurationJson.Default.KubeProxyConfiguration)}}}";

    internal static KubeProxyConfiguration Of(AgentOptions options) => new()
    {
        ApiVersion = AgentConfiguration.ApiVersion,
        Kind = AgentConfiguration.Kind,
        HostnameOverride = options.NodeName,
        ClientConnection = new() { Kubeconfig = options.Kubeconfig },
        BindAddress = options.NodeIP?.ToString(),
        HealthzBindAddress = options.HealthzAddress?.ToString() ?? "",
        MetricsBindAddress = options.MetricsAddress?.ToString() ?? "",
        BindAddressHardFail = options.BindAddressHardFail,
        Mode = options.ProxyMode == ProxyMode.Iptables ? "iptables" : "nftables",
        Iptables = options.ProxyMode != ProxyMode.Iptables ? null : new()
        {
            MasqueradeBit = options.MasqueradeBit,
            MasqueradeAll = options.MasqueradeAll,
            LocalhostNodePorts = options.LocalhostNodePorts,
            SyncPeriod = GoDuration.Print(options.SyncPeriod),
            MinSyncPeriod = GoDuration.Print(options.MinSyncPeriod ?? TimeSpan.Zero),
        },
        Nftables = options.ProxyMode != ProxyMode.Nftables ? null : new()
        {
            MasqueradeBit = options.MasqueradeBit,
            MasqueradeAll = options.MasqueradeAll,
            SyncPeriod = GoDuration.Print(options.SyncPeriod),
            MinSyncPeriod = GoDuration.Print(options.MinSyncPeriod ?? TimeSpan.Zero),
        },
        DetectLocalMode = options.DetectLocal switch
        {
            LocalDetection.ClusterCidr => "ClusterCIDR",
            LocalDetection.NodeCidr => "NodeCIDR",
            LocalDetection.BridgeInterface => "BridgeInterface",
            LocalDetection.InterfaceNamePrefix => "InterfaceNamePrefix",
            _ => options.ClusterCidrs.IsEmpty ? "NodeCIDR" : "ClusterCIDR",
        },
        DetectLocal = new()
        {
            BridgeInterface = options.DetectLocal == LocalDetection.BridgeInterface ? options.DetectLocalInterface : "",
            InterfaceNamePrefix = options.DetectLocal == LocalDetection.InterfaceNamePrefix ? options.DetectLocalInterface : "",
        },
        ClusterCidr = string.Join(',', options.ClusterCidrs.Select(AddressText.Of)),
        NodePortAddresses = [.. options.NodePortsOnPrimary ? (string[])["primary"] : [], .. options.NodePortNetworks.Select(AddressText.Of)],
        OomScoreAdj = options.OomScoreAdjust,
        Conntrack = new()
        {
            TcpEstablishedTimeout = Text(options.Conntrack.TcpEstablished),
            TcpCloseWaitTimeout = Text(options.Conntrack.TcpCloseWait),
            TcpBeLiberal = options.Conntrack.TcpBeLiberal,
            UdpTimeout = Text(options.Conntrack.Udp),
            UdpStreamTimeout = Text(options.Conntrack.UdpStream),
            Min = options.Conntrack.Max,
        },
    };

    private static string? Text(TimeSpan? duration) => duration is { } set ? GoDuration.Print(set) : null;
}
