using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;

namespace Podnet.Kubernetes.Tests.Watching;

public sealed class ApiClientTests : IAsyncLifetime
{
    private const string Web = """{"metadata":{"name":"web","namespace":"default","resourceVersion":"5"}}""";

    private FakeApiServer _server = null!;
    private ApiClient _client = null!;
    private (string Method, string Target, string? Type, string? Token, string Body) _last;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = _server.Connect();
        Answer(200, Web);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private void Answer(int code, string json) => _server.Answer = request =>
    {
        using var reader = new StreamReader(request.Body, Encoding.UTF8);
        _last = (request.Method, request.Path + Uri.UnescapeDataString(request.QueryString.ToString()), request.ContentType,
            AuthenticationHeaderValue.Parse(request.Headers.Authorization.ToString()).Parameter, reader.ReadToEnd());
        return (code, json);
    };

    [Fact]
    public async Task Requests_are_what_Kubernetes_expects()
    {
        var none = CancellationToken.None;
        var service = new V1Service { Metadata = new() { Name = "web", NamespaceProperty = "default", ResourceVersion = "4" } };
        Assert.Equal("5", (await _client.GetAsync(Resources.Services, "default", "web", none))!.Metadata.ResourceVersion);
        Assert.Equal(("GET", "/api/v1/namespaces/default/services/web", null, "secret", ""), _last);
        await _client.CreateAsync(Resources.Services, service, none);
        const string Body = """{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default","resourceVersion":"4"}}""";
        Assert.Equal(("POST", "/api/v1/namespaces/default/services", "application/json", "secret", Body), _last);
        await _client.UpdateStatusAsync(Resources.Services, service, none);
        Assert.Equal(("PUT", "/api/v1/namespaces/default/services/web/status", "application/json", "secret", Body), _last);
        await _client.PatchAsync(Resources.StatefulSets, "default", "web", new JsonObject { ["spec"] = null }, null, CancellationToken.None);
        Assert.Equal(("PATCH", "/apis/apps/v1/namespaces/default/statefulsets/web", "application/merge-patch+json", "secret", """{"spec":null}"""), _last);
        await _client.DeleteAsync(Resources.Nodes, null, "node-1", 0, none, "some-uid");
        Assert.Equal(("DELETE", "/api/v1/nodes/node-1"), (_last.Method, _last.Target));
        Assert.Equal(
            """{"apiVersion":"v1","gracePeriodSeconds":0,"kind":"DeleteOptions","preconditions":{"uid":"some-uid"}}""", _last.Body);
    }

    [Fact]
    public async Task What_is_not_there_is_null_and_every_other_refusal_says_what_the_server_said()
    {
        Answer(404, """{"kind":"Status","code":404,"reason":"NotFound","message":"services \"web\" not found"}""");
        Assert.Null(await _client.GetAsync(Resources.Services, "default", "web", CancellationToken.None));
        Answer(409, """{"kind":"Status","code":409,"reason":"AlreadyExists","message":"services \"web\" already exists"}""");
        var e = await Assert.ThrowsAsync<ApiException>(() => _client.UpdateAsync(Resources.Services, Service(), CancellationToken.None));
        Assert.Equal((409, "AlreadyExists", "services \"web\" already exists"), (e.Code, e.Reason, e.Message));
        Assert.True(e.IsAlreadyExists);
        Assert.False(e.IsConflict);
        Answer(502, "<html>\nbad gateway</html>");
        e = await Assert.ThrowsAsync<ApiException>(() => _client.ListAsync(Resources.Services, null, null, CancellationToken.None));
        Assert.Equal((502, "GET /api/v1/services?limit=500: HTTP 502: <html> bad gateway</html>"), (e.Code, e.Message));
        Answer(200, """{"metadata":{"name":"web","namespace":"default"},"spec":7}""");
        e = await Assert.ThrowsAsync<ApiException>(() => _client.GetAsync(Resources.Services, "default", "web", CancellationToken.None));
        Assert.Equal("Unreadable", e.Reason);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_error_of_the_same_kind()
    {
        var address = _server.Address;
        await _server.DisposeAsync();
        var e = await Assert.ThrowsAsync<ApiException>(() => _client.GetAsync(Resources.Nodes, null, "a", CancellationToken.None));
        Assert.Equal((0, "Unreachable", $"GET {address}api/v1/nodes/a: Connection refused"), (e.Code, e.Reason, e.Message));
        _server = await FakeApiServer.StartAsync();
    }

    private static V1Service Service() => new() { Metadata = new() { Name = "web", NamespaceProperty = "default" } };
}
