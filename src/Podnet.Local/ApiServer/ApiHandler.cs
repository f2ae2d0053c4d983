using System.Net.WebSockets;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Podnet.Local.ApiServer;

/// <summary>Each request: is the token right, what does the path name, who answers. Everything that fails becomes a Status.</summary>
internal sealed partial class ApiHandler(
    ResourceTable table, ObjectStore store, ObjectRegistry registry, Authenticator authenticator, TokenRequests tokens, IPodAccess? pods,
    TimeProvider time, ILogger logger, CancellationToken stopping)
{
    /// <summary>kubectl asks there before it says of a kind that nobody knows it. The kind itself is not served, so discovery has it not.</summary>
    private const string CustomKinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    private static JsonObject NoCustomKinds => new()
    {
        ["kind"] = "CustomResourceDefinitionList",
        ["apiVersion"] = "apiextensions.k8s.io/v1",
        ["metadata"] = new JsonObject { ["resourceVersion"] = "1" },
        ["items"] = new JsonArray(),
    };

    private readonly Discovery _discovery = new(table);
    private readonly OpenApi _openApi = new(table);

    public async Task HandleAsync(HttpContext http)
    {
        StatusException failure;
        try
        {
            await RouteAsync(http, authenticator.Require(http.Request));
            return;
        }
        catch (StatusException e)
        {
            failure = e;
        }
        catch (BadHttpRequestException e)
        {
            failure = new(e.StatusCode, "BadRequest", e.Message);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e) when (http.Response.HasStarted && e is IOException or WebSocketException or ChannelClosedException or OperationCanceledException)
        {
            // What came over an upgraded connection was not what was agreed on, or came too late.
            http.Abort();
            return;
        }
        catch (Exception e)
        {
            Failed(logger, e, http.Request.Method, http.Request.Path);
            failure = new(500, "InternalError", $"Internal error occurred: {e.Message}");
        }
        if (http.Response.HasStarted)
        {
            http.Abort();
            return;
        }
        if (failure.Code == StatusCodes.Status429TooManyRequests)
            http.Response.Headers.RetryAfter = "1";
        await http.Response.Json(failure.Code, failure.ToStatus());
    }

    private async Task RouteAsync(HttpContext http, UserInfo user)
    {
        var path = http.Request.Path.Value ?? "/";
        switch (path)
        {
            case "/healthz" or "/livez" or "/readyz":
                await http.Response.Text(200, "ok");
                return;
            case CustomKinds when HttpMethods.IsGet(http.Request.Method):
                await http.Response.Json(200, NoCustomKinds);
                return;
        }
        var segments = path.Trim('/').Split('/');
        if (segments[0] is "openapi")
        {
            RequireGet(http.Request);
            await _openApi.AnswerAsync(http, segments);
            return;
        }
        if (ResourceRequest.Parse(segments, table) is { } request)
        {
            await AnswerAsync(http, request, user);
            return;
        }
        RequireGet(http.Request);
        await _discovery.AnswerAsync(http, path);
    }

    private static void RequireGet(HttpRequest request)
    {
        if (!HttpMethods.IsGet(request.Method))
            throw StatusException.NoSuchResource();
    }

    private Task AnswerAsync(HttpContext http, ResourceRequest request, UserInfo user)
    {
        var write = new WriteRequest(http, request, registry, store, time);
        var method = http.Request.Method;
        var watch = HttpMethods.IsGet(method) && http.Request.Query.Flag("watch");
        switch (request.Subresource)
        {
            case "" when request.Resource.Answer is not null:
                return method == "POST" && request.Name is null ? write.AskAsync(new Reviews(user, authenticator)) : throw StatusException.MethodNotAllowed();
            case "" when watch:
                return WatchRequest.AnswerAsync(http, request, store, time, stopping);
            case "" when request.Name is null:
                return method switch
                {
                    "GET" => ListRequest.AnswerAsync(http, request, store, time),
                    "POST" when !request.Resource.Namespaced || request.Namespace.Length > 0 => write.CreateAsync(),
                    "DELETE" when request.Resource.Kind != "Namespace" => write.DeleteCollectionAsync(),
                    _ => throw StatusException.MethodNotAllowed(),
                };
            case "":
            case "status" when request.Resource.HasStatus:
                return method switch
                {
                    "GET" => GetAsync(http, request),
                    "PUT" => write.UpdateAsync(),
                    "PATCH" => write.PatchAsync(),
                    "DELETE" when request.Subresource.Length == 0 => write.DeleteAsync(),
                    _ => throw StatusException.MethodNotAllowed(),
                };
            case "finalize" when request.Resource == table.Namespaces:
                return method switch
                {
                    "PUT" => write.UpdateAsync(),
                    "PATCH" => write.PatchAsync(),
                    _ => throw StatusException.MethodNotAllowed(),
                };
            case "scale" when request.Resource.HasScale:
                return new ScaleRequest(http, request, registry, store).AnswerAsync();
            case "eviction" when request.Resource == table.Pods:
                return method == "POST" ? write.EvictAsync() : throw StatusException.MethodNotAllowed();
            case "binding" when request.Resource == table.Pods:
                return method == "POST" ? write.BindAsync() : throw StatusException.MethodNotAllowed();
            case "token" when request.Resource.Kind == "ServiceAccount":
                return method == "POST" ? tokens.AnswerAsync(http, request) : throw StatusException.MethodNotAllowed();
            case "log" when request.Resource == table.Pods:
                RequireGet(http.Request);
                return PodLogRequest.AnswerAsync(http, Stored(request), pods, time);
            case "exec" when request.Resource == table.Pods && method is "GET" or "POST":
                return PodExecRequest.ExecAsync(http, Stored(request), pods);
            case "attach" when request.Resource == table.Pods && method is "GET" or "POST":
                return PodExecRequest.AttachAsync(http, Stored(request), pods);
            case "portforward" when request.Resource == table.Pods && method is "GET" or "POST":
                return PodForwardRequest.AnswerAsync(http, Stored(request), pods);
            default:
                throw StatusException.NoSuchResource();
        }
    }

    private JsonObject Stored(ResourceRequest request) =>
        ObjectJson.Parse((store.Get(request.Resource, request.ObjectName) ?? throw StatusException.NotFound(request.Resource, request.Name!)).Json);

    private Task GetAsync(HttpContext http, ResourceRequest request)
    {
        var stored = store.Get(request.Resource, request.ObjectName) ?? throw StatusException.NotFound(request.Resource, request.Name!);
        var views = new ObjectViews(request.Resource, http.Request.RequestedForm(), http.Request.Query["includeObject"].ToString(), time);
        return http.Response.Json(200, views.One(stored));
    }

    [LoggerMessage(1, LogLevel.Error, "{Method} {Path} failed")]
    private static partial void Failed(ILogger logger, Exception e, string method, string path);
}
