using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>Who writes, as metadata.managedFields names it.</summary>
/// <param name="Subresource">"status", or empty.</param>
internal sealed record FieldManager(string Name, bool IsApply, string Subresource)
{
    /// <summary>apimachinery metav1/validation FieldManagerMaxLength.</summary>
    private const int LongestName = 128;

    /// <summary>
    /// What the client calls itself, or its program's name (User-Agent up to the slash), as in Kubernetes. Podnet's own parts say
    /// neither, and so cost nothing; null for them.
    /// </summary>
    public static FieldManager? Of(HttpRequest request, string subresource)
    {
        var name = request.Query["fieldManager"].ToString();
        if (name.Length > LongestName)
        {
            throw new StatusException(422, "Invalid",
                $"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than {LongestName} bytes");
        }
        if (name.Length == 0)
            name = request.Headers.UserAgent.ToString().Split('/')[0];
        if (name.Length > LongestName)
            name = name[..LongestName];
        return name.Length == 0 ? null : new(name, IsApply: false, subresource);
    }
}

/// <summary>A field that somebody else owns, with another value.</summary>
internal sealed record FieldConflict(string Manager, string Path);

/// <summary>
/// Server-side apply (kubernetes.io/docs/reference/using-api/server-side-apply): an applied object says what its manager wants of
/// it; fields that it no longer names, and nobody else owns, go. The bookkeeping of other writes is here, too.
/// </summary>
internal static class ServerSideApply
{
    /// <summary>Owns what an object had before anybody was written down, as in Kubernetes.</summary>
    private const string BeforeFirstApply = "before-first-apply";

    private const string AncientChanges = "ancient-changes";

    /// <summary>apimachinery managedfields DefaultMaxUpdateManagers.</summary>
    private const int MaxUpdateManagers = 10;

    /// <summary>The object as it shall be, with who owns what of it.</summary>
    /// <param name="live">Null where there is none yet.</param>
    /// <param name="conflicts">Gets what others own; the result counts only if there are none, or with <paramref name="force"/>.</param>
    public static JsonObject Apply(
        JsonObject? live, JsonObject applied, ResourceDefinition resource, FieldManager manager, bool force, string now, List<FieldConflict> conflicts)
    {
        var wanted = FieldSets.Of(applied, resource.Schema);
        var entries = Entries(live);
        if (live is not null && entries.Count == 0)
            entries.Add(Entry(new(BeforeFirstApply, false, ""), resource, now, FieldSets.Of(live, resource.Schema)));
        var mine = entries.Find(e => Is(e, manager));
        var previous = mine?["fieldsV1"] as JsonObject ?? [];
        foreach (var entry in entries.Where(e => e != mine).ToList())
        {
            var others = (JsonObject)entry["fieldsV1"]!;
            var taken = new JsonObject();
            Conflicts(live, applied, wanted, others, "", taken, path => conflicts.Add(new(ManagerText(entry), path)));
            if (force)
                SetOrRemove(entries, entry, FieldSets.Without(others, taken));
        }
        var result = live is null ? (JsonObject)applied.DeepClone() : (JsonObject)live.DeepClone();
        if (live is not null)
        {
            var kept = entries.Where(e => e != mine).Select(e => (JsonObject)e["fieldsV1"]!).Append(wanted).Aggregate(new JsonObject(), FieldSets.Union);
            RemoveUnwanted(result, previous, kept);
            Merge(result, applied, resource.Schema);
        }
        if (mine is not null && JsonNode.DeepEquals(previous, wanted))
            wanted = previous;
        else
        {
            entries.Remove(mine!);
            entries.Insert(0, Entry(manager, resource, now, wanted));
        }
        Write(result, entries);
        return result;
    }

    /// <summary>Notes who changed what by another write than an apply.</summary>
    public static void Track(JsonObject? before, JsonObject now, ResourceDefinition resource, FieldManager manager, string time)
    {
        var entries = Entries(now);
        var set = FieldSets.Of(now, resource.Schema);
        var changed = FieldSets.Changed(before, now, set);
        var mine = entries.Find(e => Is(e, manager));
        foreach (var entry in entries.Where(e => e != mine).ToList())
        {
            var left = FieldSets.Without((JsonObject)entry["fieldsV1"]!, changed);
            SetOrRemove(entries, entry, left is null ? null : Existing(left, set));
        }
        var owned = Existing(FieldSets.Union(mine?["fieldsV1"] as JsonObject ?? [], changed), set);
        if (mine is not null && (owned is null || !JsonNode.DeepEquals(owned, mine["fieldsV1"])))
            entries.Remove(mine);
        if (owned is not null && (mine is null || !JsonNode.DeepEquals(owned, mine["fieldsV1"])))
            entries.Add(Entry(manager, resource, time, owned));
        MergeOldest(entries);
        Write(now, entries);
    }

    /// <summary>However many write an object, so many are told apart; those that wrote longest ago become one, as in Kubernetes (CapManagersManager).</summary>
    private static void MergeOldest(List<JsonObject> entries)
    {
        var updates = entries.Where(e => e.Text("operation") == "Update" && e.Text("subresource") is null or "")
            .OrderBy(e => e.Text("manager") != AncientChanges).ThenBy(e => e.Text("time"), StringComparer.Ordinal).ToList();
        if (updates.Count <= MaxUpdateManagers)
            return;
        var ancient = updates.Take(updates.Count - MaxUpdateManagers + 1).ToList();
        entries.RemoveAll(ancient.Contains);
        ancient[^1]["manager"] = AncientChanges;
        ancient[^1]["fieldsV1"] = ancient.Select(e => (JsonObject)e["fieldsV1"]!).Aggregate(new JsonObject(), FieldSets.Union);
        entries.Insert(0, ancient[^1]);
    }

    /// <summary>Without what is no longer there; null where nothing is left.</summary>
    private static JsonObject? Existing(JsonObject owned, JsonObject there)
    {
        var result = new JsonObject();
        foreach (var (name, inner) in owned)
        {
            if (name == FieldSets.Self)
                result[name] = new JsonObject();
            else if (there[name] is JsonObject other)
            {
                if (inner is JsonObject { Count: 0 } || other.Count == 0)
                    result[name] = new JsonObject();
                else if (Existing((JsonObject)inner!, other) is { } some)
                    result[name] = some;
            }
        }
        return result.Count > 0 ? result : null;
    }

    private static List<JsonObject> Entries(JsonObject? o) =>
        o is null ? [] : [.. o["metadata"].Items("managedFields").Where(e => e["fieldsV1"] is JsonObject set && FieldSets.IsSet(set)).Select(e => (JsonObject)e.DeepClone())];

    private static bool Is(JsonObject entry, FieldManager manager) =>
        entry.Text("manager") == manager.Name && entry.Text("operation") == (manager.IsApply ? "Apply" : "Update")
        && (entry.Text("subresource") ?? "") == manager.Subresource;

    private static JsonObject Entry(FieldManager manager, ResourceDefinition resource, string time, JsonObject fields)
    {
        var entry = new JsonObject
        {
            ["manager"] = manager.Name,
            ["operation"] = manager.IsApply ? "Apply" : "Update",
            ["apiVersion"] = resource.ApiVersion,
            ["time"] = time,
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = fields,
        };
        if (manager.Subresource.Length > 0)
            entry["subresource"] = manager.Subresource;
        return entry;
    }

    private static string ManagerText(JsonObject entry)
    {
        var text = $"\"{entry.Text("manager")}\"";
        if (entry.Text("subresource") is { Length: > 0 } subresource)
            text += $" with subresource \"{subresource}\"";
        return entry.Text("operation") == "Update" ? $"{text} using {entry.Text("apiVersion")}" : text;
    }

    private static void SetOrRemove(List<JsonObject> entries, JsonObject entry, JsonObject? fields)
    {
        if (fields is null)
            entries.Remove(entry);
        else
            entry["fieldsV1"] = fields;
    }

    private static void Write(JsonObject o, List<JsonObject> entries)
    {
        if (entries.Count == 0)
            o.Child("metadata").Remove("managedFields");
        else
            o.Child("metadata")["managedFields"] = new JsonArray([.. entries.Select(e => e.Parent is null ? e : e.DeepClone())]);
    }

    /// <param name="taken">Gets the fields whose values the applied object changes.</param>
    private static void Conflicts(
        JsonNode? live, JsonNode? applied, JsonObject wanted, JsonObject others, string path, JsonObject taken, Action<string> found)
    {
        var (olds, values) = (new FieldSteps(live), new FieldSteps(applied));
        foreach (var (step, inner) in wanted)
        {
            if (step == FieldSets.Self || others[step] is not JsonObject other)
                continue;
            var (old, value, at) = (olds[step], values[step], path + FieldSets.StepText(step));
            if (inner is JsonObject { Count: > 0 } fields && other.Count > 0)
            {
                var some = new JsonObject();
                Conflicts(old, value, fields, other, at, some, found);
                if (some.Count > 0)
                    taken[step] = some;
            }
            else if (!JsonNode.DeepEquals(old, value))
            {
                taken[step] = other.DeepClone();
                found(at);
            }
        }
    }

    /// <summary>Takes out what the manager named before and nobody names now.</summary>
    private static void RemoveUnwanted(JsonNode node, JsonObject previous, JsonObject kept)
    {
        var (children, gone, goneElements) = (new FieldSteps(node), new List<string>(), new HashSet<JsonNode>());
        foreach (var (step, inner) in previous)
        {
            if (step == FieldSets.Self || children[step] is not { } child)
                continue;
            if (kept[step] is JsonObject stays)
            {
                if (inner is JsonObject { Count: > 0 } fields && stays.Count > 0)
                    RemoveUnwanted(child, fields, stays);
            }
            else if (node is JsonObject)
                gone.Add(step[2..]);
            else
                goneElements.Add(child);
        }
        (node as JsonObject)?.RemoveAll(gone);
        if (goneElements.Count > 0)
            (node as JsonArray)?.RemoveAll(element => element is not null && goneElements.Contains(element));
    }

    private static void Merge(JsonObject target, JsonObject applied, FieldSchema schema)
    {
        foreach (var (name, value) in applied)
        {
            var field = schema.Shape == FieldShape.Map ? null : schema.Definition(name);
            switch (value)
            {
                case null:
                    break;
                case JsonObject o when target[name] is JsonObject into && field is { IsAtomic: false } && field.Schema.Shape is FieldShape.Object or FieldShape.Map:
                    Merge(into, o, field.Schema);
                    break;
                case JsonArray list when target[name] is JsonArray into && field is { MapKeys.Count: > 0 }:
                    MergeList(into, list, field);
                    break;
                case JsonArray list when target[name] is JsonArray into && field is { IsSet: true }:
                    var there = into.Select(ObjectJson.ToText).ToHashSet(StringComparer.Ordinal);
                    foreach (var element in list.Where(e => there.Add(ObjectJson.ToText(e))))
                        into.Add(element?.DeepClone());
                    break;
                default:
                    target[name] = value.DeepClone();
                    break;
            }
        }
    }

    private static void MergeList(JsonArray into, JsonArray applied, FieldDefinition list)
    {
        var elements = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var element in into.OfType<JsonObject>())
            elements.TryAdd(FieldSets.KeyOf(element, list), element);
        foreach (var element in applied.OfType<JsonObject>())
        {
            var key = FieldSets.KeyOf(element, list);
            if (elements.TryGetValue(key, out var there))
            {
                Merge(there, element, list.Schema.Element!);
                continue;
            }
            into.Add((JsonNode)(elements[key] = (JsonObject)element.DeepClone()));
        }
    }
}
