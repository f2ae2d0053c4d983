using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Objects of the API as values: copies, comparison, hashes.</summary>
internal static class Objects
{
    /// <summary>Kubernetes' alphabet for generated names: no vowels, so no words (apimachinery/pkg/util/rand).</summary>
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>Characters in a generated suffix.</summary>
    private const int SuffixLength = 5;

    public static T Clone<T>(this T value) => KubernetesJson.Deserialize<T>(KubernetesJson.Serialize(value));

    public static bool Same<T>(T? left, T? right)
        where T : class =>
        ReferenceEquals(left, right)
        || (left is not null && right is not null && KubernetesJson.Serialize(left) == KubernetesJson.Serialize(right));

    public static bool Same(IDictionary<string, string>? left, IDictionary<string, string>? right) =>
        (left?.Count ?? 0) == (right?.Count ?? 0)
        && (left is null || left.All(l => right!.TryGetValue(l.Key, out var value) && value == l.Value));

    /// <summary>Ten characters that tell pod templates apart, whatever the order of their labels; the label pod-template-hash does not count.</summary>
    public static string TemplateHash(V1PodTemplateSpec template) => NameHash(Canonical(template), 10);

    public static bool SameTemplate(V1PodTemplateSpec left, V1PodTemplateSpec right) => Canonical(left) == Canonical(right);

    /// <summary>A hash of <paramref name="text"/> that may be a part of an object's name.</summary>
    public static string NameHash(string text, int length = SuffixLength)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        return string.Create(length, hash, static (name, bytes) =>
        {
            for (var i = 0; i < name.Length; i++) name[i] = NameAlphabet[bytes[i] % NameAlphabet.Length];
        });
    }

    public static string RandomSuffix() => RandomNumberGenerator.GetString(NameAlphabet, SuffixLength);

    private static string Canonical(V1PodTemplateSpec template)
    {
        var node = JsonNode.Parse(KubernetesJson.Serialize(template))!;
        if (node["metadata"]?["labels"] is JsonObject labels) labels.Remove(WellKnown.PodTemplateHash);
        return Sorted(node)!.ToJsonString();
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
