using System.Collections.Immutable;
using System.Net;
using Podnet.Kubernetes.Converters;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Local.Config;

/// <summary>From a config file to a spec that can be built; faults name file, line and field.</summary>
public static class ClusterConfigReader
{
    private const string ApiVersion = "podnet.dev/v1alpha1";
    private const string Kind = "Cluster";

    /// <exception cref="ManifestException">The file cannot be used; one line.</exception>
    public static ClusterSpec Read(string path)
    {
        if (!File.Exists(path))
            throw new ManifestException($"{path}: no such file");
        return Parse(File.ReadAllText(path), path);
    }

    /// <inheritdoc cref="Read"/>
    public static ClusterSpec Parse(string yaml, string path)
    {
        var document = TypedDocument<ClusterConfigFile>.Parse(yaml, path, ClusterConfigJson.Default.ClusterConfigFile, "cluster config");
        var file = document.Value;
        if (file.ApiVersion != ApiVersion)
            throw document.Fault("apiVersion", file.ApiVersion is null ? $"is missing: {ApiVersion}" : $"\"{file.ApiVersion}\" is unknown: use {ApiVersion}");
        if (file.Kind != Kind)
            throw document.Fault("kind", file.Kind is null ? $"is missing: {Kind}" : $"\"{file.Kind}\" is unknown: use {Kind}");

        var spec = Spec(document);
        return ClusterSpecRules.FirstFault(spec) is { } fault ? throw document.Fault(fault.Field, fault.Fault) : spec;
    }

    private static ClusterSpec Spec(TypedDocument<ClusterConfigFile> document)
    {
        var file = document.Value;
        var networking = file.Networking ?? new ClusterConfigFile.NetworkingSection();
        var defaults = ClusterSpec.Default;
        if (networking.ApiServerPort is < 0 or > ushort.MaxValue)
            throw document.Fault("networking.apiServerPort", $"{networking.ApiServerPort} is no port: 1 to 65535, or 0 for any free one");
        return new ClusterSpec
        {
            Name = file.Name ?? defaults.Name,
            PodCidr = Cidr(document, "networking.podSubnet", networking.PodSubnet) ?? defaults.PodCidr,
            ServiceCidr = Cidr(document, "networking.serviceSubnet", networking.ServiceSubnet) ?? defaults.ServiceCidr,
            NodeCidr = Cidr(document, "networking.nodeSubnet", networking.NodeSubnet) ?? defaults.NodeCidr,
            ApiServerPort = (ushort)(networking.ApiServerPort ?? defaults.ApiServerPort),
            ProxyMode = networking.KubeProxyMode ?? defaults.ProxyMode,
            Nodes = file.Nodes is null ? defaults.Nodes : [.. file.Nodes.Select((node, i) => Node(document, node, i))],
        };
    }

    private static NodeSpec Node(TypedDocument<ClusterConfigFile> document, ClusterConfigFile.NodeSection node, int index) =>
        new(node.Name ?? throw document.Fault($"nodes[{index}].name", "is missing"))
        {
            PodCidr = Cidr(document, $"nodes[{index}].podCIDR", node.PodCidr),
            Labels = (node.Labels ?? ImmutableDictionary<string, string>.Empty).ToImmutableDictionary(),
        };

    private static IPNetwork? Cidr(TypedDocument<ClusterConfigFile> document, string field, string? text)
    {
        if (text is null)
            return null;
        return Addresses.TryParseNetwork(text, out var cidr)
            ? cidr
            : throw document.Fault(field, $"\"{text}\" is no CIDR: write the first address and the prefix length, as 10.0.0.0/16");
    }
}
