using System.Text.Json;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Where the steps of a field set lead from one node. A list is looked through once, and not again for each step.</summary>
internal sealed class FieldSteps(JsonNode? node)
{
    private readonly Dictionary<string, Dictionary<string, JsonNode>> _elements = new(StringComparer.Ordinal);

    /// <summary>Null where there is nothing.</summary>
    public JsonNode? this[string step] => step[0] switch
    {
        'f' => (node as JsonObject)?[step[2..]],
        'k' when node is JsonArray list => ByKeys(list, (JsonObject)JsonNode.Parse(step[2..])!),
        'v' when node is JsonArray list => Index(list, "v", ObjectJson.ToText).GetValueOrDefault(step[2..]),
        _ => null,
    };

    /// <summary>Whether a text is a step that can be taken; a client may have written it.</summary>
    public static bool IsStep(string text)
    {
        if (text == FieldSets.Self || text.StartsWith("f:", StringComparison.Ordinal))
            return true;
        var keys = text.StartsWith("k:", StringComparison.Ordinal);
        if (!keys && !text.StartsWith("v:", StringComparison.Ordinal))
            return false;
        try
        {
            var value = ObjectJson.ParseAny(System.Text.Encoding.UTF8.GetBytes(text[2..]));
            return !keys || value is JsonObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private JsonNode? ByKeys(JsonArray list, JsonObject keys)
    {
        var names = keys.Select(k => k.Key).ToArray();
        return Index(list, "k" + string.Join('\0', names), element => KeyText(element, names)).GetValueOrDefault(KeyText(keys, names)!);
    }

    /// <summary>Null for an element without one of the keys; a protocol that was left out is TCP.</summary>
    private static string? KeyText(JsonNode? element, string[] names)
    {
        var text = new JsonArray();
        foreach (var name in names)
        {
            var value = element.At(name)?.DeepClone() ?? (name == "protocol" && element is JsonObject ? "TCP" : null);
            if (value is null)
                return null;
            text.Add(value);
        }
        return ObjectJson.ToText(text);
    }

    /// <summary>The first element of each text.</summary>
    private Dictionary<string, JsonNode> Index(JsonArray list, string by, Func<JsonNode?, string?> textOf)
    {
        if (_elements.TryGetValue(by, out var index))
            return index;
        index = new(StringComparer.Ordinal);
        foreach (var element in list)
        {
            if (element is not null && textOf(element) is { } text)
                index.TryAdd(text, element);
        }
        return _elements[by] = index;
    }
}
