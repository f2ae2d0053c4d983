using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>A pod's imagePullSecrets, as what skopeo reads.</summary>
internal static class PullSecrets
{
    /// <summary>containers-auth.json(5): the registries of all of them, of two for one registry the first; null if the pod names none that is good.</summary>
    /// <param name="missing">Is told of those that are not there or hold no credentials; the rest may do.</param>
    public static async Task<string?> ReadAsync(V1Pod pod, IPodObjects objects, Action<string> missing)
    {
        var auths = new JsonObject();
        foreach (var name in (pod.Spec.ImagePullSecrets ?? []).Select(s => s.Name).Where(n => !string.IsNullOrEmpty(n)))
        {
            var found = await objects.SecretAsync(pod.Metadata.NamespaceProperty, name) is { } secret ? Registries(secret) : null;
            if (found is null)
                missing(name);
            foreach (var (registry, entry) in found ?? [])
                auths.TryAdd(registry, entry?.DeepClone());
        }

        return auths.Count == 0 ? null : new JsonObject { ["auths"] = auths }.ToJsonString();
    }

    /// <summary>Of type kubernetes.io/dockerconfigjson, or the older kubernetes.io/dockercfg.</summary>
    private static JsonObject? Registries(V1Secret secret)
    {
        try
        {
            return secret.Data?.TryGetValue(".dockerconfigjson", out var config) == true ? JsonNode.Parse(config)?["auths"] as JsonObject
                : secret.Data?.TryGetValue(".dockercfg", out var old) == true ? JsonNode.Parse(old) as JsonObject
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // not JSON, or a key twice
        }
    }
}
