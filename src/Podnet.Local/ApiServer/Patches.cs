using System.Text.Json;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>RFC 7386: null removes, objects merge, anything else replaces.</summary>
internal static class MergePatch
{
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
            return patch?.DeepClone();
        var result = target as JsonObject ?? [];
        result.RemoveAll([.. changes.Where(c => c.Value is null).Select(c => c.Key)]);
        foreach (var (name, value) in changes)
        {
            if (value is null)
                continue;
            var before = result[name];
            var now = Apply(before, value);
            if (!ReferenceEquals(before, now))
                result[name] = now;
        }
        return result;
    }
}

/// <summary>RFC 6902, with the pointers of RFC 6901.</summary>
internal static class JsonPatch
{
    /// <summary>As in Kubernetes (apiserver pkg/endpoints/handlers/patch.go, maxJSONPatchOperations).</summary>
    public const int MaxOperations = 10_000;

    /// <summary>Bytes of all that the operations of one patch copy and move, which else could double the document each time.</summary>
    private const long MaxCopied = RequestBody.Limit;

    /// <exception cref="JsonException">An operation that cannot be done, a test that fails, or a document that grows too large or too deep.</exception>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        JsonNode root = target;
        var copied = 0L;
        foreach (var operation in operations)
        {
            var path = operation.Text("path") ?? throw new JsonException("a patch operation without a path");
            switch (operation.Text("op"))
            {
                case "add":
                    root = Add(root, path, Value(operation)?.DeepClone());
                    break;
                case "replace":
                    root = Replace(root, path, Value(operation)?.DeepClone());
                    break;
                case "remove":
                    root = Remove(root, path);
                    break;
                case "copy":
                    root = Add(root, path, Copied(Resolve(root, From(operation)), ref copied));
                    break;
                case "move":
                    var moved = Copied(Resolve(root, From(operation)), ref copied);
                    root = Add(Remove(root, From(operation)), path, moved);
                    break;
                case "test":
                    if (!JsonNode.DeepEquals(Resolve(root, path), Value(operation)))
                        throw new JsonException($"testing value {path} failed: test failed");
                    break;
                case var other:
                    throw new JsonException($"unexpected kind of patch operation: \"{other}\"");
            }
        }
        return root as JsonObject ?? throw new JsonException("the patched document is not an object");
    }

    private static JsonNode? Value(JsonNode? operation) => operation is JsonObject o && o.TryGetPropertyValue("value", out var value)
        ? value : throw new JsonException($"the patch operation on {operation.Text("path")} has no value");

    private static string From(JsonNode? operation) => operation.Text("from") ?? throw new JsonException("a patch operation without from");

    /// <summary>The message is that of the library that Kubernetes uses (evanphx/json-patch).</summary>
    private static JsonNode? Copied(JsonNode? value, ref long copied)
    {
        copied += ObjectJson.ToText(value).Length;
        return copied <= MaxCopied ? value?.DeepClone() : throw new JsonException(
            $"Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MaxCopied}");
    }

    private static string[] Tokens(string pointer)
    {
        if (pointer.Length == 0)
            return [];
        if (pointer[0] != '/')
            throw new JsonException($"the path {pointer} does not begin with a slash");
        return [.. pointer[1..].Split('/').Select(t =>
            t.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static JsonNode? Resolve(JsonNode root, string pointer)
    {
        JsonNode? node = root;
        foreach (var token in Tokens(pointer))
            node = Step(node, token, pointer);
        return node;
    }

    private static JsonNode? Step(JsonNode? node, string token, string pointer) => node switch
    {
        JsonObject o when o.TryGetPropertyValue(token, out var value) => value,
        JsonArray a when Index(token, a.Count - 1, pointer) is var i => a[i],
        _ => throw Missing(pointer),
    };

    private static JsonNode Replace(JsonNode root, string pointer, JsonNode? value)
    {
        if (pointer.Length == 0)
            return Add(root, pointer, value);
        var (parent, last) = ParentOf(root, pointer, value);
        if (parent is JsonObject o && o.ContainsKey(last))
            o[last] = value;
        else if (parent is JsonArray a)
            a[Index(last, a.Count - 1, pointer)] = value;
        else
            throw Missing(pointer);
        return root;
    }

    /// <param name="value">What comes there.</param>
    private static (JsonNode? Parent, string Last) ParentOf(JsonNode root, string pointer, JsonNode? value)
    {
        var tokens = Tokens(pointer);
        if (tokens.Length + ObjectJson.Depth(value) > ObjectJson.MaxDepth)
            throw new JsonException($"the patched document is nested too deeply: {ObjectJson.MaxDepth} levels are allowed");
        JsonNode? node = root;
        foreach (var token in tokens.AsSpan(0, tokens.Length - 1))
            node = Step(node, token, pointer);
        return (node, tokens[^1]);
    }

    private static JsonNode Add(JsonNode root, string pointer, JsonNode? value)
    {
        if (pointer.Length == 0)
            return value ?? throw new JsonException("the patched document is not an object");
        var (parent, last) = ParentOf(root, pointer, value);
        if (parent is JsonObject o)
            o[last] = value;
        else if (parent is JsonArray a)
            a.Insert(last == "-" ? a.Count : Index(last, a.Count, pointer), value);
        else
            throw Missing(pointer);
        return root;
    }

    private static JsonNode Remove(JsonNode root, string pointer)
    {
        if (pointer.Length == 0)
            return root;
        var (parent, last) = ParentOf(root, pointer, value: null);
        if (parent is JsonArray a)
            a.RemoveAt(Index(last, a.Count - 1, pointer));
        else if (parent is not JsonObject o || !o.Remove(last))
            throw Missing(pointer);
        return root;
    }

    private static int Index(string token, int last, string pointer) =>
        int.TryParse(token, System.Globalization.NumberStyles.None, null, out var index) && index <= last ? index : throw Missing(pointer);

    private static JsonException Missing(string pointer) => new($"the path {pointer} is missing: there is nothing at it");
}
