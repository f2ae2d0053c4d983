using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>The scale subresource: spec.replicas of a workload as an autoscaling/v1 Scale.</summary>
internal sealed class ScaleRequest(HttpContext http, ResourceRequest request, ObjectRegistry registry, ObjectStore store)
{
    private readonly ResourceDefinition _resource = request.Resource;

    public async Task AnswerAsync()
    {
        var stored = http.Request.Method switch
        {
            "GET" => store.Get(_resource, request.ObjectName) ?? throw StatusException.NotFound(_resource, request.Name!),
            "PUT" => await ChangeAsync(await RequestBody.ReadJsonAsync(http, "Scale"), replace: true),
            "PATCH" when RequestBody.MediaType(http.Request) is "application/merge-patch+json" or "application/strategic-merge-patch+json" =>
                await ChangeAsync(RequestBody.Parse(await RequestBody.ReadAsync(http), "Scale"), replace: false),
            "PATCH" => throw StatusException.UnsupportedMediaType("application/merge-patch+json", "application/strategic-merge-patch+json"),
            _ => throw StatusException.MethodNotAllowed(),
        };
        await http.Response.Json(200, ToScale(ObjectJson.Parse(stored.Json)));
    }

    private Task<StoredObject> ChangeAsync(JsonObject scale, bool replace)
    {
        RequestBody.CheckFields(scale, FieldSchema.Of("autoscaling.v1.Scale"), "Scale", "v1");
        var replicas = scale.Number("spec", "replicas") ?? (replace ? 0 : null);
        return registry.UpdateAsync(_resource, request.ObjectName, ObjectPart.Main, current =>
        {
            if (scale.Text("metadata", "resourceVersion") is { Length: > 0 } version)
                current.Child("metadata")["resourceVersion"] = version;
            if (replicas is not null)
                current.Child("spec")["replicas"] = replicas;
            return current;
        }, http.Request.Query.DryRun(), FieldManager.Of(http.Request, "scale"));
    }

    private static JsonObject ToScale(JsonObject o)
    {
        var metadata = new JsonObject();
        foreach (var name in (ReadOnlySpan<string>)["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
            metadata[name] = o.At("metadata", name)?.DeepClone();
        var selector = TableLayout.SelectorText(o.At("spec", "selector"));
        return new()
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["replicas"] = o.Number("spec", "replicas") ?? 0 },
            ["status"] = new JsonObject
            {
                ["replicas"] = o.Number("status", "replicas") ?? 0,
                ["selector"] = selector == TableLayout.None ? "" : selector,
            },
        };
    }
}
