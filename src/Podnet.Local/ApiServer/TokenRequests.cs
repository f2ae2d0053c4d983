using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Core.Model;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>POST to serviceaccounts/NAME/token (kubernetes pkg/registry/core/serviceaccount/storage/token.go).</summary>
internal sealed class TokenRequests(ResourceTable table, ObjectStore store, ServiceAccountTokens tokens)
{
    private const long Default = 3600; // seconds, as all here
    private const long Shortest = 600;
    private const long Longest = 1L << 32;

    private static readonly ResourceDefinition Definition = new(
        "authentication.k8s.io", "v1", "tokenrequests", "TokenRequest", Namespaced: true, "authentication.v1.TokenRequest", new ResourceRules(), CoreTables.Namespace);

    public async Task AnswerAsync(HttpContext http, ResourceRequest request)
    {
        var o = await RequestBody.ReadObjectAsync(http, FieldSchema.Of(Definition.Type), Definition.Kind);
        http.ReportUnknown(Definition, RequestBody.CheckObject(o, Definition));
        var account = store.Get(request.Resource, request.ObjectName) ?? throw StatusException.NotFound(request.Resource, request.Name!);
        var spec = o.Child("spec");
        spec.Default("expirationSeconds", Default);
        if (!spec.Texts("audiences").Any())
            spec["audiences"] = new JsonArray([.. ServiceAccountTokens.Audiences.Select(audience => (JsonNode)audience)]);
        var seconds = spec.Number("expirationSeconds") ?? Default;
        Validate(seconds, request.Name!);
        var (token, expires) = tokens.Issue(
            account.Name, account.Uid, [.. spec.Texts("audiences")], TimeSpan.FromSeconds(seconds), Bound(spec["boundObjectRef"], account.Name));
        var metadata = o.Child("metadata");
        (metadata["name"], metadata["namespace"]) = (account.Name.Name, account.Name.Namespace);
        o["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = ObjectJson.Timestamp(expires) };
        await http.Response.Json(201, o);
    }

    private static void Validate(long seconds, string name)
    {
        var wrong = seconds < Shortest ? "may not specify a duration less than 10 minutes"
            : seconds > Longest ? "may not specify a duration larger than 2^32 seconds"
            : null;
        if (wrong is not null)
            throw StatusException.Invalid(Definition, name, [FieldError.Invalid("spec.expirationSeconds", seconds, wrong)]);
    }

    private BoundObject? Bound(JsonNode? reference, ObjectName account)
    {
        if (reference is null)
            return null;
        var (kind, name) = (reference.Text("kind") ?? "", reference.Text("name") ?? "");
        if (kind is not ("Pod" or "Secret") || reference.Text("apiVersion") is not (null or "" or "v1"))
            throw StatusException.BadRequest($"cannot bind token to object of type {reference.Text("apiVersion")}, Kind={kind}");
        var resource = table.Find("", "v1", kind == "Pod" ? "pods" : "secrets")!;
        var stored = store.Get(resource, new ObjectName(account.Namespace, name)) ?? throw StatusException.NotFound(resource, name);
        if (reference.Text("uid") is { Length: > 0 } uid && uid != stored.Uid)
        {
            throw StatusException.Conflict(resource, name,
                $"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated");
        }

        if (kind == "Pod" && ObjectJson.Parse(stored.Json).Text("spec", "serviceAccountName") != account.Name)
            throw StatusException.BadRequest($"cannot bind token for serviceaccount \"{account.Name}\" to pod running with different serviceaccount name.");
        return new BoundObject(kind, name, stored.Uid);
    }
}
