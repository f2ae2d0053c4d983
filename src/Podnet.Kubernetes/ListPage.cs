using System.Text.Json;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>One page of a list.</summary>
/// <param name="Continue">What asks for the next page; null on the last one.</param>
/// <param name="Broken">Objects that cannot be read, each with its name as far as it is known, and the reason.</param>
internal sealed record ListPage<T>(string ResourceVersion, string? Continue, List<T> Items, List<BrokenObject> Broken);

/// <param name="Name">"default/web", or where it stood if not even that can be read.</param>
internal sealed record BrokenObject(string Name, string Reason);

internal static class ListPage
{
    /// <summary>
    /// Reads {"metadata":{"resourceVersion":…,"continue":…},"items":[…]} item by item, so that one object that cannot be read
    /// does not lose the others.
    /// </summary>
    /// <exception cref="JsonException">The list itself is not one.</exception>
    public static ListPage<T> Read<T>(ReadOnlySpan<byte> json, Resource<T> resource)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        string? version = null, next = null;
        List<T> items = [];
        List<BrokenObject> broken = [];
        var reader = new Utf8JsonReader(json);
        ExpectToken(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                var meta = JsonSerializer.Deserialize(ref reader, SourceGenerationContext.Default.V1ListMeta);
                version = meta?.ResourceVersion;
                next = meta?.ContinueProperty;
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                ReadItems(ref reader, json, resource, items, broken);
            }
            else
            {
                reader.Skip();
            }
        }
        if (string.IsNullOrEmpty(version))
            throw new JsonException("a list without metadata.resourceVersion");
        return new(version, string.IsNullOrEmpty(next) ? null : next, items, broken);
    }

    private static void ReadItems<T>(
        ref Utf8JsonReader reader, ReadOnlySpan<byte> json, Resource<T> resource, List<T> items, List<BrokenObject> broken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) // Go writes an empty slice so.
            return;
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("items is not an array");
        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            var item = json[start..(int)reader.BytesConsumed];
            if (ObjectReader.TryRead(item, resource, out var value, out var error))
                items.Add(value);
            else
                broken.Add(error with { Name = error.Name.Length == 0 ? $"items[{index}]" : error.Name });
        }
    }

    private static void ExpectToken(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (!reader.Read() || reader.TokenType != token)
            throw new JsonException("not a JSON object");
    }
}
