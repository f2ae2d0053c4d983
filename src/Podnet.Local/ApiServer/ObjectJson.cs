using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Reading and writing Kubernetes objects as JSON trees.</summary>
internal static class ObjectJson
{
    /// <summary>
    /// Of objects and arrays in one another. Kubernetes has no such limit but one of 10,000 in its parser; no object that a person
    /// writes comes near, and with a list or a watch around it it stays within the 64 that .NET's readers take.
    /// </summary>
    public const int MaxDepth = 60;

    /// <summary>So many properties are taken out of an object one by one; for each, all that follow move up. Arbitrary.</summary>
    private const int FewProperties = 16;

    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <exception cref="JsonException">Not JSON, not an object, too deep, or a property twice.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> utf8) =>
        ParseAny(utf8) as JsonObject ?? throw new JsonException("the document is not a JSON object");

    /// <exception cref="JsonException">Not JSON, too deep, or a property twice.</exception>
    public static JsonNode? ParseAny(ReadOnlySpan<byte> utf8) => JsonNode.Parse(utf8, nodeOptions: null, Strict);

    /// <summary>How many objects and arrays there are in one another, at most.</summary>
    public static int Depth(JsonNode? node) => node switch
    {
        JsonObject o => 1 + o.Select(p => Depth(p.Value)).DefaultIfEmpty().Max(),
        JsonArray a => 1 + a.Select(Depth).DefaultIfEmpty().Max(),
        _ => 0,
    };

    public static byte[] ToUtf8(JsonNode node) => ToUtf8(writer => node.WriteTo(writer));

    public static byte[] ToUtf8(Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
            write(writer);
        return buffer.WrittenSpan.ToArray();
    }

    public static string ToText(JsonNode? node) => node is null ? "null" : System.Text.Encoding.UTF8.GetString(ToUtf8(node));

    /// <summary>The node at a path of properties; null where any of them is missing.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
            node = (node as JsonObject)?[name];
        return node;
    }

    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static long? Number(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        if (node.At(path) is not JsonValue value || value.GetValueKind() != JsonValueKind.Number)
            return null;
        return long.TryParse(value.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    public static bool Flag(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    /// <summary>The objects of an array; none where there is no array.</summary>
    public static IEnumerable<JsonObject> Items(this JsonNode? node, string name) =>
        node.At(name) is JsonArray array ? array.OfType<JsonObject>() : [];

    /// <summary>The strings of an array; none where there is no array.</summary>
    public static IEnumerable<string> Texts(this JsonNode? node, string name) =>
        node.At(name) is JsonArray array ? array.OfType<JsonValue>().Select(v => v.TryGetValue<string>(out var t) ? t : "") : [];

    /// <summary>The object of that name, made where there is none.</summary>
    public static JsonObject Child(this JsonObject parent, string name)
    {
        if (parent[name] is JsonObject child)
            return child;
        child = [];
        parent[name] = child;
        return child;
    }

    /// <summary>Takes properties out, however many they are.</summary>
    public static void RemoveAll(this JsonObject o, IReadOnlyCollection<string> names)
    {
        if (names.Count <= FewProperties)
        {
            foreach (var name in names)
                o.Remove(name);
            return;
        }
        var gone = names.ToHashSet(StringComparer.Ordinal);
        var kept = o.Where(property => !gone.Contains(property.Key)).ToList();
        o.Clear();
        foreach (var (name, value) in kept)
            o.Add(name, value);
    }

    public static void Default(this JsonObject parent, string name, JsonNode value)
    {
        if (parent[name] is null)
            parent[name] = value;
    }

    public static IReadOnlyDictionary<string, string> StringMap(JsonNode? node)
    {
        if (node is not JsonObject { Count: > 0 } map)
            return EmptyMap;
        var result = new Dictionary<string, string>(map.Count, StringComparer.Ordinal);
        foreach (var (key, value) in map)
            result[key] = value is JsonValue v && v.TryGetValue<string>(out var text) ? text : "";
        return result;
    }

    /// <summary>RFC 3339 in UTC with whole seconds, as metav1.Time is.</summary>
    public static string Timestamp(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static readonly IReadOnlyDictionary<string, string> EmptyMap = new Dictionary<string, string>(StringComparer.Ordinal);
}
