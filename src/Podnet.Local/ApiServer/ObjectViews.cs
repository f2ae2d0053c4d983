using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>Objects in the forms that clients ask for: as they are, as table rows, or their metadata alone (meta.k8s.io/v1).</summary>
/// <param name="includeObject">What goes with a table row: "None", "Metadata" or "Object".</param>
internal sealed class ObjectViews(ResourceDefinition resource, ObjectForm form, string includeObject, TimeProvider time)
{
    private bool _columnsSent;

    public byte[] One(StoredObject stored) => form switch
    {
        ObjectForm.Table => ObjectJson.ToUtf8(Table(stored.Revision, Row(stored, time.GetUtcNow()))),
        ObjectForm.MetadataOnly => ObjectJson.ToUtf8(Metadata(ObjectJson.Parse(stored.Json))),
        _ => stored.Json,
    };

    /// <summary>Answers with a list, object by object: however long it is and however slowly it is read, no more than one of them is made at a time.</summary>
    public async Task AnswerListAsync(
        HttpResponse response, IReadOnlyList<StoredObject> items, long revision, string? continueToken, long? remaining)
    {
        var gone = response.HttpContext.RequestAborted;
        response.ContentType = "application/json";
        await response.StartAsync(gone);
        var output = response.BodyWriter;
        // An object without its last property and the brace behind that.
        output.Write(ObjectJson.ToUtf8(ListHead(revision, continueToken, remaining)).AsSpan()[..^1]);
        output.Write(form == ObjectForm.Table ? ",\"rows\":["u8 : ",\"items\":["u8);
        var (now, first) = (time.GetUtcNow(), true);
        foreach (var item in items)
        {
            if (!first)
                output.Write(","u8);
            first = false;
            await output.WriteInPartsAsync(form == ObjectForm.Table ? ObjectJson.ToUtf8(Row(item, now)) : One(item), gone);
        }
        output.Write("]}"u8);
        await output.FlushAsync(gone);
    }

    private JsonObject ListHead(long revision, string? continueToken, long? remaining)
    {
        var (kind, version) = form switch
        {
            ObjectForm.Table => ("Table", "meta.k8s.io/v1"),
            ObjectForm.MetadataOnly => ("PartialObjectMetadataList", "meta.k8s.io/v1"),
            _ => (resource.ListKind, resource.ApiVersion),
        };
        var head = new JsonObject { ["kind"] = kind, ["apiVersion"] = version, ["metadata"] = ListMetadata(revision, continueToken, remaining) };
        if (form == ObjectForm.Table)
            head["columnDefinitions"] = resource.Table.ColumnDefinitions();
        return head;
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
        return ObjectJson.ToUtf8(Table(revision, new JsonObject { ["cells"] = new JsonArray(), ["object"] = o }));
    }

    private JsonObject Row(StoredObject item, DateTimeOffset now)
    {
        var o = ObjectJson.Parse(item.Json);
        var row = new JsonObject { ["cells"] = new JsonArray(resource.Table.Cells(o, now)) };
        if (includeObject == "Object")
            row["object"] = o;
        else if (includeObject != "None")
            row["object"] = Metadata(o);
        return row;
    }

    /// <summary>Of one row.</summary>
    private JsonObject Table(long revision, JsonObject row)
    {
        var table = new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = ListMetadata(revision, null, null),
            // A watch says its columns once.
            ["columnDefinitions"] = _columnsSent ? null : resource.Table.ColumnDefinitions(),
            ["rows"] = new JsonArray(row),
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
