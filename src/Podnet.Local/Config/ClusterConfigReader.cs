using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
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
        var pods = Cidrs(document, "networking.podSubnet", networking.PodSubnet);
        var services = Cidrs(document, "networking.serviceSubnet", networking.ServiceSubnet);
        var fabric = Cidrs(document, "networking.nodeSubnet", networking.NodeSubnet);
        var spec = new ClusterSpec
        {
            Name = file.Name ?? defaults.Name,
            PodCidrs = pods,
            ServiceCidrs = services,
            NodeCidrs = fabric,
            ApiServerPort = (ushort)(networking.ApiServerPort ?? defaults.ApiServerPort),
            ProxyMode = networking.KubeProxyMode ?? defaults.ProxyMode,
            PodNetwork = networking.PodNetwork ?? defaults.PodNetwork,
            FastPath = networking.FastPath ?? defaults.FastPath,
            Dns = networking.Dns ?? defaults.Dns,
            NonMasqueradeCidrs = [.. (networking.NonMasqueradeCidrs ?? []).Select((text, i) => Cidr(document, $"networking.nonMasqueradeCIDRs[{i}]", text))],
            Nodes = file.Nodes is null ? defaults.Nodes : [.. file.Nodes.Select((node, i) => Node(document, node, i))],
        };
        var families = Families(document, networking.IpFamily, [pods, services, fabric]);
        foreach (var (field, given) in (ReadOnlySpan<(string, ImmutableArray<IPNetwork>)>)[("podSubnet", pods), ("serviceSubnet", services), ("nodeSubnet", fabric)])
        {
            if (networking.IpFamily is { } said && given.FirstOrDefault(cidr => !families.Contains(cidr.Family())) is { PrefixLength: > 0 } other)
                throw document.Fault($"networking.{field}", $"{other} is {other.Family().Name()}, and the cluster is {said}");
        }

        // A network that is not given is the usual one; one that is given in part is a fault of its own.
        return spec with
        {
            PodCidrs = pods.IsEmpty ? spec.With(families).PodCidrs : pods,
            ServiceCidrs = services.IsEmpty ? spec.With(families).ServiceCidrs : services,
            NodeCidrs = fabric.IsEmpty ? spec.With(families).NodeCidrs : fabric,
        };
    }

    /// <summary>What is said, else what the networks are that are given, else the default.</summary>
    private static ImmutableArray<IPFamily> Families(
        TypedDocument<ClusterConfigFile> document, string? word, ReadOnlySpan<ImmutableArray<IPNetwork>> given)
    {
        if (word is not null)
        {
            return ClusterFamilies.Parse(word)
                ?? throw document.Fault("networking.ipFamily", $"\"{word}\" is unknown: use {string.Join(", ", ClusterFamilies.Words[..^1])} or {ClusterFamilies.Words[^1]}");
        }

        foreach (var cidrs in given)
        {
            if (!cidrs.IsEmpty)
                return ClusterFamilies.Of(cidrs);
        }

        return [IPFamily.V4];
    }

    private static NodeSpec Node(TypedDocument<ClusterConfigFile> document, ClusterConfigFile.NodeSection node, int index) =>
        new(node.Name ?? throw document.Fault($"nodes[{index}].name", "is missing"))
        {
            PodCidrs = Cidrs(document, $"nodes[{index}].podCIDR", node.PodCidr),
            Labels = (node.Labels ?? ImmutableDictionary<string, string>.Empty).ToImmutableDictionary(),
        };

    /// <summary>"10.244.0.0/16" or "10.244.0.0/16,fd00:10:244::/56".</summary>
    private static ImmutableArray<IPNetwork> Cidrs(TypedDocument<ClusterConfigFile> document, string field, string? text) =>
        text is null ? [] : [.. text.Split(',', StringSplitOptions.TrimEntries).Select(one => Cidr(document, field, one))];

    private static IPNetwork Cidr(TypedDocument<ClusterConfigFile> document, string field, string text) =>
        Addresses.TryParseNetwork(text, out var cidr)
            ? cidr
            : throw document.Fault(field, $"\"{text}\" is no CIDR: write the first address and the prefix length, as 10.0.0.0/16");
}
