using System.Text;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>
/// A container's environment (k8s.io/kubernetes/pkg/kubelet makeEnvironmentVariables): the Services of its namespace, what envFrom
/// brings, and its own variables, each of which may refer to those before it and wins over them.
/// </summary>
internal static class ContainerEnvironment
{
    public static async Task<OrderedDictionary<string, string>> BuildAsync(
        V1Pod pod, V1Container container, string hostname, PodFields fields, IPodObjects objects)
    {
        var variables = new OrderedDictionary<string, string>(StringComparer.Ordinal) { ["HOSTNAME"] = hostname };
        if (container.Tty == true)
            variables["TERM"] = "xterm"; // as every runtime does
        var services = ServiceVariables.Of(await ServicesAsync(pod, objects));
        foreach (var (name, value) in services)
            variables.TryAdd(name, value);
        foreach (var source in container.EnvFrom ?? [])
        {
            foreach (var (name, value) in await AllOfAsync(pod, source, objects))
                variables[source.Prefix + name] = value;
        }

        foreach (var variable in container.Env ?? [])
        {
            if (await ValueAsync(pod, container, variable, variables, fields, objects) is { } value)
                variables[variable.Name] = value;
        }

        return variables;
    }

    /// <summary>The API server's own is there for every pod; the namespace's others may be declined.</summary>
    private static async Task<IEnumerable<V1Service>> ServicesAsync(V1Pod pod, IPodObjects objects)
    {
        var own = pod.Metadata.NamespaceProperty;
        var services = pod.Spec.EnableServiceLinks == false ? [] : await objects.ServicesAsync(own);
        return own == "default" && services.Count > 0
            ? services
            : (await objects.ServicesAsync("default")).Where(s => s.Metadata.Name == "kubernetes").Concat(services.Where(s => own != "default" || s.Metadata.Name != "kubernetes"));
    }

    private static async Task<IEnumerable<KeyValuePair<string, string>>> AllOfAsync(V1Pod pod, V1EnvFromSource source, IPodObjects objects)
    {
        var found = source switch
        {
            { ConfigMapRef: { } map } => await PodData.ConfigMapAsync(pod, map.Name, map.Optional, objects),
            { SecretRef: { } secret } => await PodData.SecretAsync(pod, secret.Name, secret.Optional, objects),
            _ => null,
        };
        return (found ?? []).OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => KeyValuePair.Create(d.Key, Encoding.UTF8.GetString(d.Value)));
    }

    /// <summary>Null: it is optional, and not there.</summary>
    private static async Task<string?> ValueAsync(
        V1Pod pod, V1Container container, V1EnvVar variable, IReadOnlyDictionary<string, string> before, PodFields fields, IPodObjects objects) =>
        variable.ValueFrom switch
        {
            null => VariableExpansion.Expand(variable.Value ?? "", before),
            { FieldRef: { } field } => fields.Field(field.FieldPath),
            { ResourceFieldRef: { } resource } => fields.Resource(resource, container),
            { ConfigMapKeyRef: { } map } => PodData.Text(
                await PodData.ConfigMapAsync(pod, map.Name, map.Optional, objects), map.Key, map.Optional, $"ConfigMap {pod.Metadata.NamespaceProperty}/{map.Name}"),
            { SecretKeyRef: { } secret } => PodData.Text(
                await PodData.SecretAsync(pod, secret.Name, secret.Optional, objects), secret.Key, secret.Optional, $"Secret {pod.Metadata.NamespaceProperty}/{secret.Name}"),
            _ => throw new ContainerConfigException($"container {container.Name}: variable {variable.Name} has a valueFrom that is not known here"),
        };
}

/// <summary>The entries of ConfigMaps and Secrets, as bytes.</summary>
internal static class PodData
{
    /// <summary>Null where it is optional and not there.</summary>
    /// <exception cref="ContainerConfigException">It is not there yet.</exception>
    public static async Task<Dictionary<string, byte[]>?> ConfigMapAsync(V1Pod pod, string name, bool? optional, IPodObjects objects)
    {
        if (await objects.ConfigMapAsync(pod.Metadata.NamespaceProperty, name) is not { } map)
            return optional == true ? null : throw new ContainerConfigException($"configmap \"{name}\" not found", mayChange: true);
        var data = (map.Data ?? new Dictionary<string, string>()).ToDictionary(d => d.Key, d => Encoding.UTF8.GetBytes(d.Value));
        foreach (var (key, value) in map.BinaryData ?? new Dictionary<string, byte[]>())
            data[key] = value;
        return data;
    }

    /// <inheritdoc cref="ConfigMapAsync"/>
    public static async Task<Dictionary<string, byte[]>?> SecretAsync(V1Pod pod, string name, bool? optional, IPodObjects objects)
    {
        if (await objects.SecretAsync(pod.Metadata.NamespaceProperty, name) is { } secret)
            return new Dictionary<string, byte[]>(secret.Data ?? new Dictionary<string, byte[]>());
        return optional == true ? null : throw new ContainerConfigException($"secret \"{name}\" not found", mayChange: true);
    }

    /// <summary>Null where it is optional and not there.</summary>
    public static string? Text(Dictionary<string, byte[]>? data, string key, bool? optional, string source)
    {
        if (data?.TryGetValue(key, out var value) == true)
            return Encoding.UTF8.GetString(value);
        return optional == true ? null : throw new ContainerConfigException($"couldn't find key {key} in {source}", mayChange: true);
    }
}

/// <summary>NAME_SERVICE_HOST and its like (Kubernetes, "Service", "Environment variables"; pkg/kubelet/envvars).</summary>
internal static class ServiceVariables
{
    public static IEnumerable<KeyValuePair<string, string>> Of(IEnumerable<V1Service> services)
    {
        foreach (var service in services.OrderBy(s => s.Metadata.Name, StringComparer.Ordinal))
        {
            if (service.Spec is not { ClusterIP: { Length: > 0 } and not "None" and var address, Ports: [var first, ..] ports })
                continue;
            var name = Upper(service.Metadata.Name);
            yield return new($"{name}_SERVICE_HOST", address);
            yield return new($"{name}_SERVICE_PORT", $"{first.Port}");
            foreach (var port in ports.Where(p => !string.IsNullOrEmpty(p.Name)))
                yield return new($"{name}_SERVICE_PORT_{Upper(port.Name)}", $"{port.Port}");
            yield return new($"{name}_PORT", Url(address, first));
            foreach (var port in ports)
            {
                var prefix = $"{name}_PORT_{port.Port}_{port.Protocol ?? "TCP"}";
                yield return new(prefix, Url(address, port));
                yield return new($"{prefix}_PROTO", (port.Protocol ?? "TCP").ToLowerInvariant());
                yield return new($"{prefix}_PORT", $"{port.Port}");
                yield return new($"{prefix}_ADDR", address);
            }
        }
    }

    private static string Upper(string name) => name.ToUpperInvariant().Replace('-', '_');

    private static string Url(string address, V1ServicePort port) =>
        $"{(port.Protocol ?? "TCP").ToLowerInvariant()}://{(address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address)}:{port.Port}";
}
