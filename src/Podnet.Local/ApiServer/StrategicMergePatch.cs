using System.Text.Json;
using System.Text.Json.Nodes;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>
/// Kubernetes' strategic merge patch (apimachinery util/strategicpatch): as a merge patch, but lists that have a merge key are merged
/// element by element. kubectl sends it for apply, edit, label and annotate.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeleteFromList = "$deleteFromPrimitiveList/";
    private const string ElementOrder = "$setElementOrder/";

    /// <exception cref="JsonException">A directive that cannot be followed.</exception>
    public static JsonObject Apply(JsonObject target, JsonObject patch, FieldSchema schema) => MergeObject(target, patch, schema);

    private static JsonObject MergeObject(JsonObject target, JsonObject patch, FieldSchema? schema)
    {
        switch (patch.Text(Directive))
        {
            case "replace":
                return Cleaned(patch);
            case "delete":
                return [];
        }
        if (patch[RetainKeys] is JsonArray)
        {
            var kept = patch.Texts(RetainKeys).ToHashSet(StringComparer.Ordinal);
            target.RemoveAll([.. target.Select(p => p.Key).Where(k => !kept.Contains(k))]);
        }
        target.RemoveAll([.. patch.Where(p => p.Value is null).Select(p => p.Key)]);
        foreach (var (name, value) in patch)
        {
            if (name is Directive or RetainKeys || name.StartsWith(ElementOrder, StringComparison.Ordinal))
                continue;
            if (name.StartsWith(DeleteFromList, StringComparison.Ordinal))
                DeleteValues(target, name[DeleteFromList.Length..], value);
            else if (value is not null)
                target[name] = Merge(target[name]?.DeepClone(), value, schema?.Field(name), MergeKey(schema, name));
        }
        foreach (var (name, order) in patch)
        {
            if (name.StartsWith(ElementOrder, StringComparison.Ordinal))
                Order(target, name[ElementOrder.Length..], order as JsonArray, MergeKey(schema, name[ElementOrder.Length..]));
        }
        return target;
    }

    private static string? MergeKey(FieldSchema? schema, string field) =>
        schema?.Definition(field)?.MergeKey;

    private static JsonNode? Merge(JsonNode? target, JsonNode patch, FieldSchema? schema, string? mergeKey) => (target, patch) switch
    {
        (var t, JsonObject p) => MergeObject(t as JsonObject ?? [], p, schema),
        (var t, JsonArray p) when mergeKey is { Length: > 0 } => MergeList(t as JsonArray ?? [], p, mergeKey, schema?.Element),
        (JsonArray t, JsonArray p) when mergeKey is "" => Union(t, p),
        _ => patch.DeepClone(),
    };

    private static JsonArray MergeList(JsonArray target, JsonArray patch, string key, FieldSchema? element)
    {
        if (patch.OfType<JsonObject>().Any(p => p.Text(Directive) == "replace"))
            return [.. patch.OfType<JsonObject>().Where(p => p.Text(Directive) is null).Select(p => (JsonNode)Cleaned(p))];
        var merged = target.ToList();
        target.Clear(); // its elements are to be another list's
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < merged.Count; i++)
        {
            if (merged[i].At(key) is { } known)
                places.TryAdd(ObjectJson.ToText(known), i);
        }
        var gone = new HashSet<int>();
        foreach (var node in patch)
        {
            if (node is not JsonObject change)
                throw new JsonException($"a list that is merged by {key} has an element that is not an object");
            var id = ObjectJson.ToText(change[key] ?? throw new JsonException($"map: {ObjectJson.ToText(change)} does not contain declared merge key: {key}"));
            var there = places.TryGetValue(id, out var index);
            if (change.Text(Directive) == "delete")
            {
                if (places.Remove(id))
                    gone.Add(index);
            }
            else if (there)
                merged[index] = MergeObject((JsonObject)merged[index]!, change, element);
            else
            {
                places[id] = merged.Count;
                merged.Add(MergeObject([], change, element));
            }
        }
        return [.. merged.Where((_, i) => !gone.Contains(i))];
    }

    private static HashSet<string> TextsOf(JsonArray list) => list.Select(ObjectJson.ToText).ToHashSet(StringComparer.Ordinal);

    private static JsonArray Union(JsonArray target, JsonArray patch)
    {
        var there = TextsOf(target);
        foreach (var value in patch)
        {
            if (there.Add(ObjectJson.ToText(value)))
                target.Add(value?.DeepClone());
        }
        return target;
    }

    private static void DeleteValues(JsonObject target, string name, JsonNode? values)
    {
        if (target[name] is not JsonArray list || values is not JsonArray listed)
            return;
        var gone = TextsOf(listed);
        list.RemoveAll(value => gone.Contains(ObjectJson.ToText(value)));
    }

    /// <summary>Puts the elements that the client names into its order; those of others keep their place after what stood before them.</summary>
    private static void Order(JsonObject target, string name, JsonArray? order, string? key)
    {
        if (target[name] is not JsonArray list || order is null || key is null)
            return;
        var rank = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in order)
            rank.TryAdd(ObjectJson.ToText(key.Length == 0 ? entry : entry.At(key)), rank.Count);
        var (position, ranked) = (-1, new List<(int Rank, JsonNode? Element)>());
        foreach (var element in list)
        {
            position = rank.GetValueOrDefault(ObjectJson.ToText(key.Length == 0 ? element : element.At(key)), position);
            ranked.Add((position, element?.DeepClone()));
        }
        target[name] = new JsonArray([.. ranked.OrderBy(r => r.Rank).Select(r => r.Element)]);
    }

    /// <summary>A copy without directives.</summary>
    private static JsonObject Cleaned(JsonObject patch)
    {
        var copy = (JsonObject)patch.DeepClone();
        copy.Remove(Directive);
        copy.Remove(RetainKeys);
        return copy;
    }
}
