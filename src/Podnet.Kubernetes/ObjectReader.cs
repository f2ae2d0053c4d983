using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using k8s;
using k8s.Models;
using Podnet.Core.Model;

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
            broken = Broken(json, e.Message);
            return false;
        }
        if (string.IsNullOrEmpty(value?.Metadata?.Name))
            broken = Broken(json, "without metadata.name");
        else if (resource.Namespaced && string.IsNullOrEmpty(value.Metadata.NamespaceProperty))
            broken = Broken(json, "without metadata.namespace");
        if (value is null || broken is not null)
        {
            value = null;
            broken ??= Broken(json, "null");
            return false;
        }
        resource.Stamp(value);
        // Who set which field is the server's business: it is often the larger part of an object.
        value.Metadata.ManagedFields = null;
        return true;
    }

    /// <summary>With its name and uid as far as metadata can be read without the model.</summary>
    private static BrokenObject Broken(ReadOnlySpan<byte> json, string reason)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("metadata", out var meta) && meta.ValueKind == JsonValueKind.Object)
            {
                return new(new ObjectName(Text(meta, "namespace"), Text(meta, "name")), Text(meta, "uid"), reason);
            }
        }
        catch (JsonException) // Said already, with its reason, by the reader above.
        {
        }
        return new(new ObjectName("", ""), "", reason);
    }

    private static string Text(JsonElement meta, string field) =>
        meta.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
