using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>POST, PUT, PATCH and DELETE of one object or a collection.</summary>
internal sealed class WriteRequest(HttpContext http, ResourceRequest request, ObjectRegistry registry, ObjectStore store, TimeProvider time)
{
    private const string JsonPatchType = "application/json-patch+json";
    private const string MergePatchType = "application/merge-patch+json";
    private const string ApplyPatchType = "application/apply-patch+yaml";
    private const string StrategicPatchType = "application/strategic-merge-patch+json";

    private readonly ResourceDefinition _resource = request.Resource;

    private bool DryRun => http.Request.Query.DryRun();

    private ObjectPart Part => request.Subresource switch
    {
        "status" => ObjectPart.Status,
        "finalize" => ObjectPart.Finalizers,
        _ => ObjectPart.Main,
    };

    private FieldManager? Manager => FieldManager.Of(http.Request, request.Subresource);

    public async Task CreateAsync()
    {
        var o = await ReadObjectAsync();
        await AnswerAsync(201, await registry.CreateAsync(_resource, request.Namespace, o, DryRun, Manager));
    }

    /// <summary>A question: the answer is the object itself, and nothing is stored.</summary>
    public async Task AskAsync(Reviews reviews) => await http.Response.Json(201, _resource.Answer!(reviews, await ReadObjectAsync()));

    public async Task UpdateAsync()
    {
        var o = await ReadObjectAsync();
        var name = o.Text("metadata", "name");
        if (string.IsNullOrEmpty(name))
            throw StatusException.BadRequest("the name of the object must be set: metadata.name is empty");
        if (name != request.Name)
            throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        await AnswerAsync(200, await registry.UpdateAsync(_resource, request.ObjectName, Part, _ => o, DryRun, Manager));
    }

    public async Task PatchAsync()
    {
        if (RequestBody.MediaType(http.Request) == ApplyPatchType)
        {
            await ApplyAsync();
            return;
        }
        var apply = Patch(await RequestBody.ReadAsync(http), RequestBody.MediaType(http.Request));
        var unknown = new List<string>();
        var stored = await registry.UpdateAsync(_resource, request.ObjectName, Part, current =>
        {
            var patched = apply(current);
            var name = patched.Text("metadata", "name");
            if (name != request.Name)
                throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
            unknown = RequestBody.CheckObject(patched, _resource);
            http.ReportUnknown(_resource, unknown);
            return patched;
        }, DryRun, Manager);
        await AnswerAsync(200, stored);
    }

    /// <summary>Server-side apply. The body is YAML by its name; what clients send is JSON, which is YAML.</summary>
    private async Task ApplyAsync()
    {
        var manager = Manager ?? throw new StatusException(422, "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch");
        manager = manager with { IsApply = true };
        var force = http.Request.Query.Flag("force");
        var applied = RequestBody.Parse(await RequestBody.ReadAsync(http), _resource.Kind);
        if (applied.Text("apiVersion") is null or "" || applied.Text("kind") is null or "")
            throw StatusException.BadRequest("invalid object type: apiVersion and kind must be set");
        if (applied.At("metadata", "managedFields") is not null)
            throw StatusException.BadRequest("metadata.managedFields must be nil");
        http.ReportUnknown(_resource, RequestBody.CheckObject(applied, _resource));
        if (applied.Text("metadata", "name") is { } name && name != request.Name)
            throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        applied.Child("metadata")["name"] = request.Name;
        if (store.Get(_resource, request.ObjectName) is null && request.Subresource.Length == 0)
        {
            await AnswerAsync(201, await registry.CreateAsync(_resource, request.Namespace, applied, DryRun, manager));
            return;
        }
        var stored = await registry.UpdateAsync(_resource, request.ObjectName, Part, current =>
        {
            var conflicts = new List<FieldConflict>();
            var result = ServerSideApply.Apply(current, applied, _resource, manager, force, ObjectJson.Timestamp(time.GetUtcNow()), conflicts);
            return conflicts.Count == 0 || force ? result : throw StatusException.ApplyConflict(conflicts);
        }, DryRun, manager);
        await AnswerAsync(200, stored);
    }

    public async Task DeleteAsync()
    {
        var options = await ReadDeleteOptionsAsync();
        var (last, gone) = await registry.DeleteAsync(_resource, request.ObjectName, options);
        if (!gone || _resource.DeleteReturnsObject)
        {
            await AnswerAsync(200, last);
            return;
        }
        var details = new JsonObject { ["name"] = last.Name.Name };
        if (_resource.Group.Length > 0)
            details["group"] = _resource.Group;
        (details["kind"], details["uid"]) = (_resource.Plural, last.Uid);
        await http.Response.Json(200, Success(details));
    }

    public async Task DeleteCollectionAsync()
    {
        var filter = ListRequest.Filter(http.Request.Query, request);
        var options = await ReadDeleteOptionsAsync();
        var snapshot = store.Snapshot(_resource);
        var deleted = new List<StoredObject>();
        foreach (var stored in snapshot.Objects.Values.Where(filter.Matches))
        {
            // Somebody else's delete may have come first; gone is gone.
            if (store.Get(_resource, stored.Name) is { } there && there.Uid == stored.Uid)
                deleted.Add((await registry.DeleteAsync(_resource, stored.Name, options)).Object);
        }
        var views = new ObjectViews(_resource, http.Request.RequestedForm(), "", time);
        await views.AnswerListAsync(http.Response, deleted, store.Revision, null, null);
    }

    /// <summary>POST to pods/NAME/binding.</summary>
    public async Task BindAsync()
    {
        var binding = await RequestBody.ReadObjectAsync(http, FieldSchema.Of("core.v1.Binding"), "Binding");
        var node = binding.Text("target", "name");
        if (string.IsNullOrEmpty(node) || binding.Text("target", "kind") is not (null or "" or "Node"))
            throw StatusException.BadRequest("a binding needs a target of kind Node with a name");
        await registry.BindAsync(request.ObjectName, node);
        await http.Response.Json(201, Success(null));
    }

    /// <summary>POST to pods/NAME/eviction, as <c>kubectl drain</c> does; there are no disruption budgets that could refuse it.</summary>
    public async Task EvictAsync()
    {
        var eviction = await RequestBody.ReadObjectAsync(http, FieldSchema.Of("policy.v1.Eviction"), "Eviction");
        await registry.DeleteAsync(_resource, request.ObjectName, ToDeleteOptions(eviction["deleteOptions"] as JsonObject ?? []));
        await http.Response.Json(201, Success(null));
    }

    private static JsonObject Success(JsonObject? details)
    {
        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" };
        if (details is not null)
            status["details"] = details;
        else
            status["code"] = 201;
        return status;
    }

    private Task AnswerAsync(int code, StoredObject stored)
    {
        var views = new ObjectViews(_resource, http.Request.RequestedForm(), http.Request.Query["includeObject"].ToString(), time);
        return http.Response.Json(code, views.One(stored));
    }

    private async Task<JsonObject> ReadObjectAsync()
    {
        var o = await RequestBody.ReadObjectAsync(http, _resource.Schema, _resource.Kind);
        http.ReportUnknown(_resource, RequestBody.CheckObject(o, _resource));
        var @namespace = o.Text("metadata", "namespace") ?? "";
        if (_resource.Namespaced && @namespace.Length > 0 && @namespace != request.Namespace)
            throw StatusException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        return o;
    }

    private Func<JsonObject, JsonObject> Patch(byte[] body, string type)
    {
        if (type is not (JsonPatchType or MergePatchType or StrategicPatchType))
            throw StatusException.UnsupportedMediaType(JsonPatchType, MergePatchType, ApplyPatchType, StrategicPatchType);
        RequestBody.CheckText(body);
        if (type == JsonPatchType)
        {
            var operations = ParseOperations(body);
            return current => Apply(() => JsonPatch.Apply(current, operations));
        }
        var patch = RequestBody.Parse(body, "patch");
        if (type == MergePatchType)
            return current => (JsonObject)MergePatch.Apply(current, patch)!;
        return current => Apply(() => StrategicMergePatch.Apply(current, patch, _resource.Schema));
    }

    private static JsonArray ParseOperations(byte[] body)
    {
        try
        {
            var operations = ObjectJson.ParseAny(body) as JsonArray ?? throw new JsonException("the document is not an array");
            return operations.Count <= JsonPatch.MaxOperations ? operations : throw StatusException.TooLarge(
                $"The allowed maximum operations in a JSON patch is {JsonPatch.MaxOperations}, got {operations.Count}");
        }
        catch (JsonException e)
        {
            throw StatusException.BadRequest($"error decoding patch: {e.Message}");
        }
    }

    private static JsonObject Apply(Func<JsonObject> patch)
    {
        try
        {
            return patch();
        }
        catch (JsonException e)
        {
            // Without a kind or a name in the details kubectl shows the message.
            throw new StatusException(422, "Invalid", $"the server rejected our request due to an error in our request: {e.Message}", []);
        }
    }

    private async Task<DeleteOptions> ReadDeleteOptionsAsync()
    {
        var body = await RequestBody.ReadAsync(http);
        var options = body.Length == 0 ? []
            : body.AsSpan().StartsWith(ProtobufReader.Magic) ? RequestBody.ParseProtobuf(body, FieldSchema.Of("meta.v1.DeleteOptions"), "DeleteOptions")
            : RequestBody.Parse(body, "DeleteOptions");
        RequestBody.CheckFields(options, FieldSchema.Of("meta.v1.DeleteOptions"), "DeleteOptions", "v1");
        return ToDeleteOptions(options);
    }

    private DeleteOptions ToDeleteOptions(JsonObject options)
    {
        var query = http.Request.Query;
        var policy = options.Text("propagationPolicy") ?? query["propagationPolicy"].ToString();
        if (policy is not ("" or "Background" or "Foreground" or "Orphan"))
            throw StatusException.BadRequest($"propagationPolicy: Unsupported value: \"{policy}\": supported values: \"Background\", \"Foreground\", \"Orphan\"");
        return new(
            options.Number("gracePeriodSeconds") ?? query.Number("gracePeriodSeconds"),
            options.Text("preconditions", "uid"),
            options.Text("preconditions", "resourceVersion"),
            Orphan: policy == "Orphan" || options.Flag("orphanDependents"),
            Foreground: policy == "Foreground",
            DryRun || options.Texts("dryRun").Contains("All"));
    }
}
