using System.Text.Json.Nodes;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>
/// Sets of fields as metadata.managedFields has them (meta/v1 FieldsV1): "f:name" is a field, "k:{keys}" an element of a list by its
/// keys, "v:value" an element of a set, "." the thing itself. An empty object is a leaf.
/// </summary>
internal static class FieldSets
{
    public const string Self = ".";

    /// <summary>What the server writes, so nobody owns it.</summary>
    private static readonly HashSet<string> Unowned = new(StringComparer.Ordinal)
    {
        "name", "namespace", "uid", "creationTimestamp", "selfLink", "generation", "resourceVersion", "managedFields", "deletionTimestamp",
        "deletionGracePeriodSeconds",
    };

    /// <summary>All fields of an object.</summary>
    public static JsonObject Of(JsonObject o, FieldSchema schema)
    {
        var set = new JsonObject();
        foreach (var (name, value) in o)
        {
            if (name is "apiVersion" or "kind" || value is null)
                continue;
            if (name != "metadata")
            {
                set["f:" + name] = Of(value, schema.Definition(name));
                continue;
            }
            var metadata = new JsonObject();
            foreach (var (field, inner) in (JsonObject)value)
            {
                if (!Unowned.Contains(field) && inner is not null)
                    metadata["f:" + field] = Of(inner, FieldSchema.Of("meta.v1.ObjectMeta").Definition(field));
            }
            if (metadata.Count > 0)
                set["f:metadata"] = metadata;
        }
        return set;
    }

    private static JsonObject Of(JsonNode value, FieldDefinition? field)
    {
        var set = new JsonObject();
        if (field is null || field.IsAtomic)
            return set;
        switch (value)
        {
            case JsonObject o when field.Schema.Shape is FieldShape.Object or FieldShape.Map:
                AddFields(set, o, field.Schema);
                break;
            case JsonArray list when field.MapKeys.Count > 0:
                foreach (var element in list.OfType<JsonObject>())
                {
                    var inner = new JsonObject { [Self] = new JsonObject() };
                    AddFields(inner, element, field.Schema.Element!);
                    set[KeyOf(element, field)] = inner;
                }
                break;
            case JsonArray list when field.IsSet:
                foreach (var element in list)
                    set["v:" + ObjectJson.ToText(element)] = new JsonObject();
                break;
        }
        return set;
    }

    private static void AddFields(JsonObject set, JsonObject o, FieldSchema schema)
    {
        foreach (var (name, value) in o)
        {
            if (value is not null)
                set["f:" + name] = Of(value, schema.Shape == FieldShape.Map ? null : schema.Definition(name));
        }
    }

    /// <summary>"k:{…}", the keys in their order by name; a key that was left out has its default.</summary>
    public static string KeyOf(JsonObject element, FieldDefinition list)
    {
        var keys = new JsonObject();
        foreach (var key in list.MapKeys.Order(StringComparer.Ordinal))
        {
            if (element[key] is { } value)
                keys[key] = value.DeepClone();
            else if (key == "protocol")
                keys[key] = "TCP";
        }
        return "k:" + ObjectJson.ToText(keys);
    }

    /// <summary>Whether it is a set at all; a client may have written it.</summary>
    public static bool IsSet(JsonObject set) => set.All(step => FieldSteps.IsStep(step.Key) && step.Value is JsonObject inner && IsSet(inner));

    /// <summary>Everything of either.</summary>
    public static JsonObject Union(JsonObject a, JsonObject b)
    {
        var result = (JsonObject)a.DeepClone();
        foreach (var (name, inner) in b)
            result[name] = result[name] is JsonObject there ? Union(there, (JsonObject)inner!) : inner!.DeepClone();
        return result;
    }

    /// <summary>What is in <paramref name="a"/> and not in <paramref name="b"/>; null where nothing is left.</summary>
    public static JsonObject? Without(JsonObject a, JsonObject b)
    {
        if (a.Count == 0)
            return null;
        var result = new JsonObject();
        foreach (var (name, inner) in a)
        {
            var left = b[name] is JsonObject other ? Without((JsonObject)inner!, other) : (JsonObject)inner!.DeepClone();
            if (left is not null)
                result[name] = left;
        }
        return result.Count > 0 ? result : null;
    }

    /// <summary>The leaves that an object changed: those that are new, and those whose values are others.</summary>
    public static JsonObject Changed(JsonNode? before, JsonNode? now, JsonObject set)
    {
        var (changed, olds, values) = (new JsonObject(), new FieldSteps(before), new FieldSteps(now));
        foreach (var (name, inner) in set)
        {
            var (old, value) = (olds[name], values[name]);
            if (name == Self ? before is null : inner is JsonObject { Count: 0 })
            {
                if (name == Self || !JsonNode.DeepEquals(old, value))
                    changed[name] = new JsonObject();
            }
            else if (inner is JsonObject { Count: > 0 } fields && Changed(old, value, fields) is { Count: > 0 } some)
                changed[name] = some;
        }
        return changed;
    }

    /// <summary>".spec.containers[name=\"web\"].image".</summary>
    public static string StepText(string step)
    {
        switch (step[0])
        {
            case 'f':
                return "." + step[2..];
            case 'k':
                var keys = (JsonObject)JsonNode.Parse(step[2..])!;
                return $"[{string.Join(',', keys.Select(k => $"{k.Key}={ObjectJson.ToText(k.Value)}"))}]";
            case 'v':
                return $"[={step[2..]}]";
            default:
                return "";
        }
    }
}
