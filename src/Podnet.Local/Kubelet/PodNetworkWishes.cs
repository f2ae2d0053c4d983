using System.Text.Json.Nodes;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What a pod asks of the network plugin: runtimeConfig, under the names of its capabilities (CNI CONVENTIONS.md).</summary>
internal static class PodNetworkWishes
{
    /// <summary>The addresses that it shall have.</summary>
    public const string Addresses = "ips";

    /// <summary>Bits a second, as a quantity: "10M" (kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins).</summary>
    private const string IngressAnnotation = "kubernetes.io/ingress-bandwidth";
    private const string EgressAnnotation = "kubernetes.io/egress-bandwidth";

    /// <summary>1k and 1P (kubernetes pkg/util/bandwidth/utils.go).</summary>
    private const decimal LeastRate = 1_000;
    private const decimal GreatestRate = 1_000_000_000_000_000;

    /// <summary>Without keys where it asks for nothing.</summary>
    /// <exception cref="CniException">An annotation is no bandwidth.</exception>
    public static JsonObject RuntimeConfig(this V1Pod pod)
    {
        var wishes = new JsonObject();
        if (pod.RequestedAddresses() is { Count: > 0 } addresses)
            wishes[Addresses] = new JsonArray([.. addresses.Select(address => (JsonNode)address)]);
        JsonNode[] mappings = [.. pod.Spec.Containers.SelectMany(container => container.Ports ?? []).Where(port => port.HostPort is > 0).Select(Mapping)];
        if (mappings.Length > 0)
            wishes["portMappings"] = new JsonArray(mappings);
        var bandwidth = new JsonObject();
        if (Rate(pod, IngressAnnotation) is { } ingress)
            bandwidth["ingressRate"] = ingress;
        if (Rate(pod, EgressAnnotation) is { } egress)
            bandwidth["egressRate"] = egress;
        if (bandwidth.Count > 0)
            wishes["bandwidth"] = bandwidth;
        return wishes;
    }

    private static JsonObject Mapping(V1ContainerPort port) => new()
    {
        ["hostPort"] = port.HostPort,
        ["containerPort"] = port.ContainerPort,
        ["protocol"] = (port.Protocol ?? "TCP").ToLowerInvariant(),
        ["hostIP"] = port.HostIP ?? "",
    };

    private static long? Rate(V1Pod pod, string annotation)
    {
        if (pod.Metadata.Annotations?.TryGetValue(annotation, out var text) != true)
            return null;
        try
        {
            var rate = new ResourceQuantity(text).ToDecimal();
            if (rate is >= LeastRate and <= GreatestRate)
                return (long)rate;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw new CniException($"annotation {annotation}: \"{text}\" is no quantity such as \"10M\"", e);
        }

        throw new CniException($"annotation {annotation}: \"{text}\" is not from 1k to 1P bits a second");
    }
}
