using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>JSON of one object → the typed object, or what is wrong with it.</summary>
internal static class ObjectReader
{
    public static bool TryRead<T>(
        ReadOnlySpan<byte> json, Resource<T> resource, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out BrokenObject? broken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        value = null;
        broken = null;
        try
        {
            value = JsonSerializer.Deserialize(json, resource.Json);
        }
        // The converters of the model's own types (times, quantities) throw these bare.
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or OverflowException or InvalidOperationException)
        {
            broken = new(NameIn(json), e.Message);
            return false;
        }
        if (value is null || string.IsNullOrEmpty(value.Metadata?.Name))
        {
            value = null;
            broken = new("", "without metadata.name");
            return false;
        }
        if (resource.Namespaced && string.IsNullOrEmpty(value.Metadata.NamespaceProperty))
        {
            broken = new(value.Metadata.Name, "without metadata.namespace");
            value = null;
            return false;
        }
        resource.Stamp(value);
        // Who set which field is the server's business: it is often the larger part of an object.
        value.Metadata.ManagedFields = null;
        return true;
    }

    /// <summary>"namespace/name" as far as metadata can be read without the model; empty if not.</summary>
    private static string NameIn(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("metadata", out var meta) || meta.ValueKind != JsonValueKind.Object)
            {
                return "";
            }
            var name = Text(meta, "name");
            var space = Text(meta, "namespace");
            return space.Length == 0 ? name : $"{space}/{name}";
        }
        catch (JsonException) // Said already, with its reason, by the reader above.
        {
            return "";
        }
    }

    private static string Text(JsonElement meta, string field) =>
        meta.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
