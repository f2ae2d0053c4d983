using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.ApiSchema;

namespace Podnet.Local.ApiServer;

/// <summary>What is served, described: kubectl explains and checks by it.</summary>
internal sealed class OpenApi(ResourceTable table)
{
    private readonly Lazy<byte[]> _version2 = new(() => ObjectJson.ToUtf8(new OpenApiDocument(table.All).Version2()));
    private readonly Lazy<byte[]> _protobuf = new(() => OpenApiProtobuf.Write(new OpenApiDocument(table.All).Version2()));

    public async Task AnswerAsync(HttpContext http, string[] segments)
    {
        switch (segments)
        {
            case ["openapi", "v2"] when http.Request.Headers.Accept.ToString().Contains("protobuf", StringComparison.Ordinal):
                await http.Response.Bytes(200, OpenApiProtobuf.MediaType, _protobuf.Value);
                break;
            case ["openapi", "v2"]:
                await http.Response.Json(200, _version2.Value);
                break;
            case ["openapi", "v3"]:
                var paths = new JsonObject();
                foreach (var root in table.All.Select(Root).Distinct(StringComparer.Ordinal))
                    paths[root] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{root}?hash={Discovery.GitVersion}" };
                await http.Response.Json(200, new JsonObject { ["paths"] = paths });
                break;
            case ["openapi", "v3", .. var rest] when table.All.Where(r => Root(r) == string.Join('/', rest)).ToList() is { Count: > 0 } of:
                await http.Response.Json(200, new OpenApiDocument(of).Version3());
                break;
            default:
                throw StatusException.NoSuchResource();
        }
    }

    private static string Root(ResourceDefinition resource) => resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.ApiVersion}";
}
