using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Everything that fails is a Status with the code, reason and words of Kubernetes.</summary>
public sealed class StatusTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    public async Task Without_the_token_there_is_nothing_but_401(string? token)
    {
        using var stranger = _server.NewClient(token);
        foreach (var path in (string[])["/", "/healthz", "/version", "/api", "/apis", "/openapi/v3", "/api/v1/pods", "/api/v1/pods?watch=1", "/nothing"])
        {
            using var response = await stranger.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            var status = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            Assert.Equal("Status/Unauthorized/Unauthorized", $"{status["kind"]}/{status["reason"]}/{status["message"]}");
        }
    }

    [Theory]
    [InlineData("GET", "/api/v1/namespaces/default/pods/none", 404, "NotFound", "pods \"none\" not found")]
    [InlineData("GET", "/apis/apps/v1/namespaces/default/deployments/none", 404, "NotFound", "deployments.apps \"none\" not found")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods/none", 404, "NotFound", "pods \"none\" not found")]
    [InlineData("GET", "/api/v1/namespaces/default/nosuch", 404, "NotFound", "the server could not find the requested resource")]
    [InlineData("GET", "/apis/batch/v1/cronjobs", 404, "NotFound", "the server could not find the requested resource")]
    [InlineData("GET", "/api/v1/namespaces/default/pods/none/nosuch", 404, "NotFound", "the server could not find the requested resource")]
    [InlineData("PUT", ConfigMaps, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")]
    [InlineData("DELETE", "/api/v1/namespaces", 405, "MethodNotAllowed", "the server does not allow this method on the requested resource")]
    [InlineData("GET", "/api/v1/pods?fieldSelector=spec.color=red", 400, "BadRequest", "field label not supported: spec.color")]
    [InlineData("GET", "/api/v1/pods?labelSelector=a%20of%20b", 400, "BadRequest", null)]
    [InlineData("GET", "/api/v1/pods?limit=x", 400, "BadRequest", null)]
    [InlineData("GET", "/api/v1/pods?continue=x", 400, "BadRequest", null)]
    [InlineData("GET", "/api/v1/pods?resourceVersion=99999&resourceVersionMatch=NotOlderThan", 504, "Timeout", null)]
    [InlineData("GET", "/api/v1/pods?watch=1&sendInitialEvents=true", 422, "Invalid",
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")]
    public async Task A_request_for_what_is_not_there(string method, string path, int code, string reason, string? message)
    {
        var (actual, status) = await _server.SendAsync(method, path, method == "PUT" ? "{}" : null);
        AssertStatus(code, reason, message, actual, status);
    }

    [Theory]
    [InlineData("{", 400, "BadRequest", null)]
    [InlineData("[]", 400, "BadRequest", null)]
    [InlineData("""{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}""", 400, "BadRequest", null)]
    [InlineData("""{"apiVersion":"v2","metadata":{"name":"a"}}""", 400, "BadRequest",
        "the API version in the data (v2) does not match the expected API version (v1)")]
    [InlineData("""{"metadata":{"name":"a","namespace":"other"}}""", 400, "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request")]
    [InlineData("""{"metadata":{"name":"a","resourceVersion":"1"}}""", 400, "BadRequest", "resourceVersion should not be set on objects to be created")]
    [InlineData("""{"metadata":{"name":"a"},"data":{"k":1}}""", 400, "BadRequest",
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string")]
    [InlineData("""{"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}""", 400, "BadRequest", null)]
    [InlineData("{}", 422, "Invalid", "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required")]
    [InlineData("""{"metadata":{"name":"A_b"}}""", 422, "Invalid",
        "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
        + "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")]
    [InlineData("""{"metadata":{"name":"a","labels":{"x":"a b"}}}""", 422, "Invalid", null)]
    public async Task A_bad_object_is_refused(string body, int code, string reason, string? message)
    {
        var (actual, status) = await _server.SendAsync("POST", ConfigMaps, body);
        AssertStatus(code, reason, message?.Replace("\\\\", "\\", StringComparison.Ordinal), actual, status);
    }

    [Fact]
    public async Task Deep_nesting_and_broken_UTF_8_are_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 5000)) + "1" + new string('}', 5000);
        var (code, status) = await _server.SendAsync("POST", ConfigMaps, deep);
        AssertStatus(400, "BadRequest", null, code, status);

        using var broken = new ByteArrayContent([.. "{\"metadata\":{\"name\":\""u8, 0xff, 0xfe, .. "\"}}"u8]);
        broken.Headers.ContentType = new("application/json");
        using var response = await _server.Client.PostAsync(ConfigMaps, broken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("not valid UTF-8", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_name_twice_is_409_AlreadyExists()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        var (code, status) = await _server.SendAsync("POST", ConfigMaps, Objects.ConfigMap("a"));
        AssertStatus(409, "AlreadyExists", "configmaps \"a\" already exists", code, status);
        Assert.Equal("{\"name\":\"a\",\"kind\":\"configmaps\"}", status["details"]!.ToJsonString());
    }

    [Fact]
    public async Task An_update_of_an_old_version_is_409_Conflict()
    {
        var created = await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", "2"));
        created["data"]!["k"] = "3";
        var (code, status) = await _server.SendAsync("PUT", $"{ConfigMaps}/a", created.ToJsonString());
        AssertStatus(409, "Conflict",
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again",
            code, status);
    }

    [Fact]
    public async Task A_namespace_that_is_not_there_is_404()
    {
        var (code, status) = await _server.SendAsync("POST", "/api/v1/namespaces/none/configmaps", Objects.ConfigMap("a"));
        AssertStatus(404, "NotFound", "namespaces \"none\" not found", code, status);
    }

    [Fact]
    public async Task A_page_of_a_list_that_is_forgotten_is_410()
    {
        var token = Convert.ToBase64String(Encoding.UTF8.GetBytes("1/default/a"));
        var (code, status) = await _server.SendAsync("GET", $"{ConfigMaps}?limit=1&continue={token}");
        AssertStatus(410, "Expired", null, code, status);
    }

    [Fact]
    public async Task A_body_above_3_MiB_is_413_with_and_without_a_length()
    {
        var large = Objects.ConfigMap("a", new string('x', 3 * 1024 * 1024));
        var (code, status) = await _server.SendAsync("POST", ConfigMaps, large);
        AssertStatus(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728", code, status);

        using var request = new HttpRequestMessage(HttpMethod.Post, ConfigMaps) { Content = new StringContent(large, Encoding.UTF8, "application/json") };
        request.Headers.TransferEncodingChunked = true;
        using var response = await _server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Theory]
    [InlineData("POST", "", "application/yaml")]
    [InlineData("PUT", "/a", "application/yaml")]
    [InlineData("PATCH", "/a", "application/apply-patch+cbor")]
    [InlineData("PATCH", "/a", "application/json")]
    public async Task A_media_type_that_is_not_understood_is_415(string method, string below, string type)
    {
        var (code, status) = await _server.SendAsync(method, ConfigMaps + below, "a: b", type);
        AssertStatus(415, "UnsupportedMediaType", null, code, status);
    }

    [Fact]
    public async Task Unknown_fields_are_refused_named_or_ignored_as_the_client_wishes()
    {
        var pod = Objects.Pod("a").Replace("\"spec\":{", "\"spec\":{\"foo\":1,", StringComparison.Ordinal)
            .Replace("\"name\":\"c\"", "\"name\":\"c\",\"bar\":{}", StringComparison.Ordinal);
        const string pods = "/api/v1/namespaces/default/pods";
        var (code, status) = await _server.SendAsync("POST", $"{pods}?fieldValidation=Strict", pod);
        AssertStatus(400, "BadRequest",
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.foo\", unknown field \"spec.containers[0].bar\"",
            code, status);

        using var content = new StringContent(pod, Encoding.UTF8, "application/json");
        using var warned = await _server.Client.PostAsync(pods, content);
        Assert.Equal(HttpStatusCode.Created, warned.StatusCode);
        Assert.Equal(["299 - \"unknown field \\\"spec.foo\\\"\"", "299 - \"unknown field \\\"spec.containers[0].bar\\\"\""], warned.Headers.GetValues("Warning"));
        Assert.DoesNotContain("foo", await warned.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workload_says_all_that_is_wrong_with_it_at_once()
    {
        var deployment = Objects.Deployment("web").Replace("\"labels\":{\"app\":\"x\"}", "\"labels\":{\"app\":\"y\"}", StringComparison.Ordinal)
            .Replace("80", "70000", StringComparison.Ordinal);
        var (code, status) = await _server.SendAsync("POST", "/apis/apps/v1/namespaces/default/deployments", deployment);
        AssertStatus(422, "Invalid",
            "Deployment.apps \"web\" is invalid: [spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"y\"}: `selector` does not match template `labels`, "
            + "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive]",
            code, status);
        Assert.Equal("{\"name\":\"web\",\"group\":\"apps\",\"kind\":\"Deployment\"}", WithoutCauses(status["details"]!));
        Assert.Equal("FieldValueInvalid", (string?)status["details"]!["causes"]![1]!["reason"]);
    }

    private static string WithoutCauses(JsonNode details)
    {
        var copy = details.DeepClone().AsObject();
        copy.Remove("causes");
        return copy.ToJsonString();
    }

    private static void AssertStatus(int code, string reason, string? message, int actual, JsonNode status)
    {
        Assert.Equal((code, "Status", "Failure", code, reason),
            (actual, (string?)status["kind"], (string?)status["status"], (int)status["code"]!, (string?)status["reason"]));
        if (message is not null)
            Assert.Equal(message, (string?)status["message"]);
    }
}
