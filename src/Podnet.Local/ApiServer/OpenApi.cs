using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Podnet.Local.ApiServer;

/// <summary>
/// OpenAPI 3, as much as clients decide by: which kinds there are, and that the server checks fields itself (the parameter
/// fieldValidation on a kind's PATCH), so that kubectl leaves it to the server.
/// </summary>
internal sealed class OpenApi(ResourceTable table)
{
    public Task AnswerAsync(HttpContext http, string[] segments)
    {
        switch (segments)
        {
            case ["openapi", "v3"]:
                var paths = new JsonObject();
                foreach (var root in table.All.Select(Root).Distinct(StringComparer.Ordinal))
                    paths[root] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{root}?hash={Discovery.GitVersion}" };
                return http.Response.Json(200, new JsonObject { ["paths"] = paths });
            case ["openapi", "v3", .. var rest] when string.Join('/', rest) is var root && table.All.Any(r => Root(r) == root):
                return http.Response.Json(200, Document(root));
            default:
                throw StatusException.NoSuchResource();
        }
    }

    private static string Root(ResourceDefinition resource) => resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.ApiVersion}";

    private JsonObject Document(string root)
    {
        var paths = new JsonObject();
        foreach (var resource in table.All.Where(r => Root(r) == root))
        {
            var scope = resource.Namespaced ? "namespaces/{namespace}/" : "";
            paths[$"/{root}/{scope}{resource.Plural}/{{name}}"] = new JsonObject { ["patch"] = Patch(resource) };
        }
        return new()
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = Discovery.GitVersion },
            ["paths"] = paths,
        };
    }

    private static JsonObject Patch(ResourceDefinition resource) => new()
    {
        ["operationId"] = $"patch{resource.Kind}",
        ["parameters"] = new JsonArray([.. new[] { "dryRun", "fieldManager", "fieldValidation" }.Select(name => (JsonNode)new JsonObject
        {
            ["name"] = name,
            ["in"] = "query",
            ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
        })]),
        ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
        ["x-kubernetes-action"] = "patch",
        ["x-kubernetes-group-version-kind"] = new JsonObject
        {
            ["group"] = resource.Group,
            ["kind"] = resource.Kind,
            ["version"] = resource.Version,
        },
    };
}
