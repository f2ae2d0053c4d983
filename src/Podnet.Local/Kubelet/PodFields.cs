using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>A pod's own fields and resources, as its containers ask for them (fieldRef, resourceFieldRef). Pure.</summary>
/// <param name="addresses">The pod's.</param>
/// <param name="hostAddresses">Its node's.</param>
internal sealed class PodFields(V1Pod pod, IReadOnlyList<string> addresses, IReadOnlyList<string> hostAddresses)
{
    /// <exception cref="ContainerConfigException">There is no such field, or not for containers.</exception>
    public string Field(string path)
    {
        if (Keyed(path, "metadata.labels", pod.Metadata.Labels) is { } label)
            return label;
        if (Keyed(path, "metadata.annotations", pod.Metadata.Annotations) is { } annotation)
            return annotation;
        return path switch
        {
            "metadata.name" => pod.Metadata.Name,
            "metadata.namespace" => pod.Metadata.NamespaceProperty,
            "metadata.uid" => pod.Metadata.Uid,
            "metadata.labels" => Lines(pod.Metadata.Labels),
            "metadata.annotations" => Lines(pod.Metadata.Annotations),
            "spec.nodeName" => pod.Spec.NodeName ?? "",
            "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "default",
            "status.hostIP" => hostAddresses[0],
            "status.hostIPs" => string.Join(',', hostAddresses),
            "status.podIP" => addresses[0],
            "status.podIPs" => string.Join(',', addresses),
            _ => throw new ContainerConfigException($"fieldRef: {path} is not a field that a container can see"),
        };
    }

    /// <summary>A limit that is not set is what the machine has; a request that is not set is 0.</summary>
    public string Resource(V1ResourceFieldSelector selector, V1Container container)
    {
        var parts = selector.Resource.Split('.', 2);
        if (parts is not [("limits" or "requests"), ("cpu" or "memory")])
            throw new ContainerConfigException($"resourceFieldRef: {selector.Resource} is not one of limits.cpu, limits.memory, requests.cpu and requests.memory");
        var source = string.IsNullOrEmpty(selector.ContainerName)
            ? container
            : pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).FirstOrDefault(c => c.Name == selector.ContainerName)
                ?? throw new ContainerConfigException($"resourceFieldRef: there is no container {selector.ContainerName}");
        var set = parts[0] == "limits" ? source.Resources?.Limits : source.Resources?.Requests;
        var value = set?.TryGetValue(parts[1], out var quantity) == true
            ? quantity.ToDecimal()
            : parts[0] == "requests" ? 0 : parts[1] == "cpu" ? Environment.ProcessorCount : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var divisor = selector.Divisor?.ToDecimal() is { } wanted and > 0 ? wanted : 1;
        return Math.Ceiling(value / divisor).ToString("0", CultureInfo.InvariantCulture);
    }

    private static string? Keyed(string path, string map, IDictionary<string, string>? values) =>
        path.StartsWith($"{map}['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal)
            ? values?.TryGetValue(path[(map.Length + 2)..^2], out var value) == true ? value : ""
            : null;

    /// <summary>key="value", sorted, as k8s.io/kubernetes/pkg/fieldpath FormatMap writes it.</summary>
    private static string Lines(IDictionary<string, string>? values) => string.Join('\n', (values ?? new Dictionary<string, string>())
        .OrderBy(v => v.Key, StringComparer.Ordinal)
        .Select(v => $"{v.Key}=\"{v.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\""));
}
