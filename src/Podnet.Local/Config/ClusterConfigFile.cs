using System.Text.Json.Serialization;

namespace Podnet.Local.Config;

/// <summary>The config file as it is written: see docs/cluster-config.md.</summary>
internal sealed record ClusterConfigFile
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public string? Name { get; init; }

    public NetworkingSection? Networking { get; init; }

    public IReadOnlyList<NodeSection>? Nodes { get; init; }

    internal sealed record NetworkingSection
    {
        public string? IpFamily { get; init; }

        public string? PodSubnet { get; init; }

        public string? ServiceSubnet { get; init; }

        public string? NodeSubnet { get; init; }

        public int? ApiServerPort { get; init; }

        public string? KubeProxyMode { get; init; }

        public string? PodNetwork { get; init; }

        public bool? FastPath { get; init; }

        public bool? Dns { get; init; }

        [JsonPropertyName("nonMasqueradeCIDRs")]
        public IReadOnlyList<string>? NonMasqueradeCidrs { get; init; }
    }

    internal sealed record NodeSection
    {
        public string? Name { get; init; }

        [JsonPropertyName("podCIDR")]
        public string? PodCidr { get; init; }

        public IReadOnlyDictionary<string, string>? Labels { get; init; }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterConfigFile))]
internal sealed partial class ClusterConfigJson : JsonSerializerContext;
