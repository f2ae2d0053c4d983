using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>What is served, described: kubectl explains and checks by it.</summary>
internal sealed class OpenApi(ResourceTable table)
{
    private readonly Lazy<byte[]> _version2 = new(() => OpenApiProtobuf.Write(new OpenApiDocument(table.All).Version2()));

    public Task AnswerAsync(HttpContext http, string[] segments)
    {
        switch (segments)
        {
            case ["openapi", "v2"] when http.Request.Headers.Accept.ToString().Contains("protobuf", StringComparison.Ordinal):
                http.Response.ContentType = OpenApiProtobuf.MediaType;
                http.Response.ContentLength = _version2.Value.Length;
                return http.Response.Body.WriteAsync(_version2.Value, 0, _version2.Value.Length, http.RequestAborted);
            case ["openapi", "v2"]:
                return http.Response.Json(200, new OpenApiDocument(table.All).Version2());
            case ["openapi", "v3"]:
                var paths = new JsonObject();
                foreach (var root in table.All.Select(Root).Distinct(StringComparer.Ordinal))
                    paths[root] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{root}?hash={Discovery.GitVersion}" };
                return http.Response.Json(200, new JsonObject { ["paths"] = paths });
            case ["openapi", "v3", .. var rest] when table.All.Where(r => Root(r) == string.Join('/', rest)).ToList() is { Count: > 0 } of:
                return http.Response.Json(200, new OpenApiDocument(of).Version3());
            default:
                throw StatusException.NoSuchResource();
        }
    }

    private static string Root(ResourceDefinition resource) => resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.ApiVersion}";
}
