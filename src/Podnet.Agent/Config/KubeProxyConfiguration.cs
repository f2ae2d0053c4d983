using System.Text.Json.Serialization;

namespace Podnet.Agent.Config;

/// <summary>
/// kube-proxy's config file as it is written: kubeproxy.config.k8s.io/v1alpha1 (k8s.io/kube-proxy/config/v1alpha1/types.go). Flags
/// become one, too, so that both are checked by the same rules. All its fields are here, also those that are of no use to Podnet,
/// since a file that kube-proxy takes has them.
/// </summary>
public sealed record KubeProxyConfiguration
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public IReadOnlyDictionary<string, bool>? FeatureGates { get; init; }

    public ClientConnectionSection? ClientConnection { get; init; }

    public LoggingSection? Logging { get; init; }

    public string? HostnameOverride { get; init; }

    public string? BindAddress { get; init; }

    public string? HealthzBindAddress { get; init; }

    public string? MetricsBindAddress { get; init; }

    public bool? BindAddressHardFail { get; init; }

    public bool? EnableProfiling { get; init; }

    public string? ShowHiddenMetricsForVersion { get; init; }

    public string? Mode { get; init; }

    public IptablesSection? Iptables { get; init; }

    public IpvsSection? Ipvs { get; init; }

    public NftablesSection? Nftables { get; init; }

    public WinkernelSection? Winkernel { get; init; }

    public string? DetectLocalMode { get; init; }

    public DetectLocalSection? DetectLocal { get; init; }

    [JsonPropertyName("clusterCIDR")]
    public string? ClusterCidr { get; init; }

    public IReadOnlyList<string>? NodePortAddresses { get; init; }

    public int? OomScoreAdj { get; init; }

    public ConntrackSection? Conntrack { get; init; }

    public string? ConfigSyncPeriod { get; init; }

    public string? PortRange { get; init; }

    public bool? WindowsRunAsService { get; init; }

    public sealed record ClientConnectionSection
    {
        public string? Kubeconfig { get; init; }

        public string? AcceptContentTypes { get; init; }

        public string? ContentType { get; init; }

        public double? Qps { get; init; }

        public int? Burst { get; init; }
    }

    public sealed record LoggingSection
    {
        public string? Format { get; init; }

        /// <summary>A number of nanoseconds or a duration; Podnet writes each line at once.</summary>
        public object? FlushFrequency { get; init; }

        public int? Verbosity { get; init; }

        public object? Vmodule { get; init; }

        public object? Options { get; init; }
    }

    public sealed record IptablesSection
    {
        public int? MasqueradeBit { get; init; }

        public bool? MasqueradeAll { get; init; }

        public bool? LocalhostNodePorts { get; init; }

        [JsonPropertyName("snatNodeInternalIP")]
        public bool? SnatNodeInternalIP { get; init; }

        public string? SyncPeriod { get; init; }

        public string? MinSyncPeriod { get; init; }
    }

    public sealed record NftablesSection
    {
        public int? MasqueradeBit { get; init; }

        public bool? MasqueradeAll { get; init; }

        public string? SyncPeriod { get; init; }

        public string? MinSyncPeriod { get; init; }
    }

    /// <summary>Of a mode that Podnet has not; kube-proxy ignores it in the other modes.</summary>
    public sealed record IpvsSection
    {
        public string? SyncPeriod { get; init; }

        public string? MinSyncPeriod { get; init; }

        public string? Scheduler { get; init; }

        [JsonPropertyName("excludeCIDRs")]
        public IReadOnlyList<string>? ExcludeCidrs { get; init; }

        [JsonPropertyName("strictARP")]
        public bool? StrictArp { get; init; }

        public string? TcpTimeout { get; init; }

        public string? TcpFinTimeout { get; init; }

        public string? UdpTimeout { get; init; }
    }

    /// <summary>Of Windows.</summary>
    public sealed record WinkernelSection
    {
        public string? NetworkName { get; init; }

        public string? SourceVip { get; init; }

        [JsonPropertyName("enableDSR")]
        public bool? EnableDsr { get; init; }

        public string? RootHnsEndpointName { get; init; }

        public bool? ForwardHealthCheckVip { get; init; }
    }

    public sealed record DetectLocalSection
    {
        public string? BridgeInterface { get; init; }

        public string? InterfaceNamePrefix { get; init; }
    }

    public sealed record ConntrackSection
    {
        public int? MaxPerCore { get; init; }

        public int? Min { get; init; }

        public string? TcpEstablishedTimeout { get; init; }

        public string? TcpCloseWaitTimeout { get; init; }

        public bool? TcpBeLiberal { get; init; }

        public string? UdpTimeout { get; init; }

        public string? UdpStreamTimeout { get; init; }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(KubeProxyConfiguration))]
internal sealed partial class KubeProxyConfigurationJson : JsonSerializerContext;
