using System.Globalization;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Objects in the forms that clients ask for: as they are, as table rows, or their metadata alone (meta.k8s.io/v1).</summary>
/// <param name="includeObject">What goes with a table row: "None", "Metadata" or "Object".</param>
internal sealed class ObjectViews(ResourceDefinition resource, ObjectForm form, string includeObject, TimeProvider time)
{
    private bool _columnsSent;

    public byte[] One(StoredObject stored) => form switch
    {
        ObjectForm.Table => ObjectJson.ToUtf8(Table([stored], stored.Revision, null, null)),
        ObjectForm.MetadataOnly => ObjectJson.ToUtf8(Metadata(ObjectJson.Parse(stored.Json))),
        _ => stored.Json,
    };

    public byte[] List(IReadOnlyList<StoredObject> items, long revision, string? continueToken, long? remaining)
    {
        if (form == ObjectForm.Table)
            return ObjectJson.ToUtf8(Table(items, revision, continueToken, remaining));
        var (kind, version) = form == ObjectForm.MetadataOnly ? ("PartialObjectMetadataList", "meta.k8s.io/v1") : (resource.ListKind, resource.ApiVersion);
        return ObjectJson.ToUtf8(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("kind", kind);
            writer.WriteString("apiVersion", version);
            writer.WritePropertyName("metadata");
            ListMetadata(revision, continueToken, remaining).WriteTo(writer);
            writer.WriteStartArray("items");
            foreach (var item in items)
                writer.WriteRawValue(One(item), skipInputValidation: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    /// <summary>An empty object that only carries a revision, as the object of a bookmark.</summary>
    public byte[] Bookmark(long revision, bool initialEventsEnd)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
        if (initialEventsEnd)
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        var o = new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion, ["metadata"] = metadata };
        if (form == ObjectForm.MetadataOnly)
            (o["kind"], o["apiVersion"]) = ("PartialObjectMetadata", "meta.k8s.io/v1");
        if (form != ObjectForm.Table)
            return ObjectJson.ToUtf8(o);
        var table = Table([], revision, null, null);
        table["rows"] = new JsonArray(new JsonObject { ["cells"] = new JsonArray(), ["object"] = o });
        return ObjectJson.ToUtf8(table);
    }

    private JsonObject Table(IReadOnlyList<StoredObject> items, long revision, string? continueToken, long? remaining)
    {
        var rows = new JsonArray();
        var now = time.GetUtcNow();
        foreach (var item in items)
        {
            var o = ObjectJson.Parse(item.Json);
            var row = new JsonObject { ["cells"] = new JsonArray(resource.Table.Cells(o, now)) };
            if (includeObject == "Object")
                row["object"] = o;
            else if (includeObject != "None")
                row["object"] = Metadata(o);
            rows.Add((JsonNode)row);
        }
        var table = new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = ListMetadata(revision, continueToken, remaining),
            // A watch says its columns once.
            ["columnDefinitions"] = _columnsSent ? null : resource.Table.ColumnDefinitions(),
            ["rows"] = rows,
        };
        _columnsSent = true;
        return table;
    }

    private static JsonObject Metadata(JsonObject o) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = o["metadata"]?.DeepClone(),
    };

    private static JsonObject ListMetadata(long revision, string? continueToken, long? remaining)
    {
        var metadata = new JsonObject { ["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture) };
        if (continueToken is not null)
            metadata["continue"] = continueToken;
        if (remaining is not null)
            metadata["remainingItemCount"] = remaining;
        return metadata;
    }
}
