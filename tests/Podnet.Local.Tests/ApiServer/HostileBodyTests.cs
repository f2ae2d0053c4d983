using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Bodies that are too large, too deep, too many or no text at all: an answer of 4xx that says why, and a server that goes on.</summary>
public sealed class HostileBodyTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string JsonPatch = "application/json-patch+json";
    private const string MergePatch = "application/merge-patch+json";
    private const string StrategicPatch = "application/strategic-merge-patch+json";
    private const string Apply = "application/apply-patch+yaml";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
    }

    /// <summary>After each of them: the server answers, and nothing went wrong inside.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", "after"));
        Assert.Empty(_server.Log.Lines);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Patches_cannot_nest_an_object_deeper_than_a_body_may_be()
    {
        await AddRevisionAsync();
        var (operations, path) = (new JsonArray(), "/data");
        for (var i = 0; i < 100; i++)
        {
            path += string.Concat(Enumerable.Repeat("/n", 40));
            operations.Add((JsonNode)new JsonObject { ["op"] = "add", ["path"] = path, ["value"] = JsonNode.Parse(Nested(40)) });
        }
        await RefusedAsync(422, "PATCH", "/apis/apps/v1/namespaces/default/controllerrevisions/r", operations.ToJsonString(), JsonPatch, "deep");
        await _server.OkAsync("DELETE", "/apis/apps/v1/namespaces/default/controllerrevisions/r");
    }

    [Fact]
    public async Task Copies_of_copies_end_at_3_MiB()
    {
        var operations = new JsonArray(new JsonObject { ["op"] = "add", ["path"] = "/data/a", ["value"] = new string('x', 1024) });
        for (var i = 0; i < 60; i++)
            operations.Add((JsonNode)new JsonObject { ["op"] = "copy", ["from"] = "/data", ["path"] = $"/data/c{i}" });
        await RefusedAsync(422, "PATCH", $"{ConfigMaps}/a", operations.ToJsonString(), JsonPatch, "accumulated size increase of copy");
    }

    [Fact]
    public async Task A_patch_of_more_than_10000_operations_is_413()
    {
        var operations = string.Join(',', Enumerable.Repeat("""{"op":"test","path":"/data/k","value":"1"}""", 10_001));
        await RefusedAsync(413, "PATCH", $"{ConfigMaps}/a", $"[{operations}]", JsonPatch,
            "The allowed maximum operations in a JSON patch is 10000, got 10001");
    }

    [Theory]
    [InlineData(JsonPatch)]
    [InlineData(MergePatch)]
    [InlineData(StrategicPatch)]
    [InlineData(Apply)]
    public async Task A_deep_patch_of_each_kind_is_a_bad_request(string type)
    {
        var patch = type == JsonPatch ? $$"""[{"op":"add","path":"/data","value":{{Nested(5000)}}}]""" : Nested(5000);
        await RefusedAsync(400, "PATCH", $"{ConfigMaps}/a?fieldManager=m", patch, type, "");
    }

    [Theory]
    [InlineData("POST", "", "application/json", """{"metadata":{"name":"b"},"data":{"k":"\ud800"}}""")]
    [InlineData("POST", "", "application/json", """{"metadata":{"name":"b"},"data":{"\udc00":"x"}}""")]
    [InlineData("PUT", "/a", "application/json", """{"metadata":{"name":"a","labels":{"x":"\ud800\ud800"}}}""")]
    [InlineData("PATCH", "/a", MergePatch, """{"data":{"k":"\ud800"}}""")]
    [InlineData("PATCH", "/a", StrategicPatch, """{"data":{"k":"\ud800x"}}""")]
    [InlineData("PATCH", "/a", JsonPatch, """[{"op":"add","path":"/data/k","value":"\ud800"}]""")]
    [InlineData("PATCH", "/a?fieldManager=m", Apply, """{"apiVersion":"v1","kind":"ConfigMap","data":{"k":"\udfff"}}""")]
    [InlineData("DELETE", "/a", "application/json", """{"propagationPolicy":"\ud800"}""")]
    public async Task Half_a_surrogate_pair_is_a_bad_request(string method, string below, string type, string body) =>
        await RefusedAsync(400, method, ConfigMaps + below, body, type, "surrogate");

    [Fact]
    public async Task A_whole_surrogate_pair_is_a_character()
    {
        var made = await _server.CreateAsync("configmaps", """{"metadata":{"name":"b"},"data":{"k":"\ud83d\ude00"}}""");
        Assert.Equal("😀", (string?)made["data"]!["k"]);
    }

    [Theory]
    [InlineData("/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"b\n"}}""")]
    [InlineData("/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"b","labels":{"a\n":"x"}}}""")]
    [InlineData("/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"b","labels":{"a":"x\n"}}}""")]
    [InlineData("/api/v1/namespaces/default/configmaps", """{"metadata":{"name":"b"},"data":{"k\n":"x"}}""")]
    [InlineData("/api/v1/namespaces", """{"metadata":{"name":"b\n"}}""")]
    public async Task A_line_break_at_its_end_makes_a_name_wrong(string path, string body) =>
        await RefusedAsync(422, "POST", path, body, "application/json", "");

    [Theory]
    [InlineData("1e999999999")]
    [InlineData("1.2.3")]
    [InlineData("1e")]
    [InlineData("-")]
    [InlineData("1Ki\n")]
    public async Task A_quantity_that_is_none_is_refused(string quantity) => await RefusedAsync(400, "POST", Pods, Pod($$"""
        ,"resources":{"limits":{"memory":{{JsonValue.Create(quantity).ToJsonString()}} } }
        """), "application/json", "quantities must match");

    [Fact]
    public async Task A_quantity_of_a_million_digits_is_refused() => await RefusedAsync(400, "POST", Pods, Pod($$"""
        ,"resources":{"limits":{"memory":"{{new string('1', 1_000_000)}}x"} }
        """), "application/json", "quantities must match");

    [Theory]
    [InlineData("1.5")]
    [InlineData("1e400")]
    [InlineData("99999999999")]
    public async Task A_port_that_is_no_32_bit_number_is_refused(string port) => await RefusedAsync(400, "POST", Pods, Pod($$"""
        ,"livenessProbe":{"tcpSocket":{"port":{{port}} } }
        """), "application/json", "IntOrString");

    [Theory]
    [InlineData("PUT", "application/json", "1099511627776")]
    [InlineData("PUT", "application/json", "1.5")]
    [InlineData("PUT", "application/json", "\"many\"")]
    [InlineData("PATCH", MergePatch, "1099511627776")]
    public async Task A_scale_takes_32_bit_numbers_alone(string method, string type, string replicas)
    {
        await _server.CreateAsync("deployments", Objects.Deployment("d"), "apis/apps/v1");
        await RefusedAsync(400, method, "/apis/apps/v1/namespaces/default/deployments/d/scale",
            $$"""{"metadata":{"name":"d","namespace":"default"},"spec":{"replicas":{{replicas}} } }""", type, "spec.replicas");
    }

    [Theory]
    [InlineData("9223372036854775808")]
    [InlineData("1e300")]
    [InlineData("\"soon\"")]
    public async Task A_grace_period_that_is_no_64_bit_number_is_refused(string seconds)
    {
        await _server.CreateAsync("pods", Objects.Pod("p", node: "node-1"));
        await RefusedAsync(400, "DELETE", $"{Pods}/p", $$"""{"gracePeriodSeconds":{{seconds}} }""", "application/json", "gracePeriodSeconds");
    }

    [Theory]
    [InlineData("30", "{\"gracePeriodSeconds\":9223372036854775807}")]
    [InlineData("9223372036854775807", "{}")]
    public async Task A_grace_period_beyond_all_time_is_long(string ofPod, string options)
    {
        await _server.CreateAsync("pods", Objects.Pod("p", node: "node-1").Replace("\"containers\"", $"\"terminationGracePeriodSeconds\":{ofPod},\"containers\"", StringComparison.Ordinal));
        var going = await _server.OkAsync("DELETE", $"{Pods}/p", options);
        Assert.NotNull(going["metadata"]!["deletionTimestamp"]);
    }

    [Fact]
    public async Task A_pod_of_2_MiB_is_413() => await RefusedAsync(413, "POST", Pods, Pod($$"""
        ,"args":["{{new string('x', 2 * 1024 * 1024)}}"]
        """), "application/json", "Request entity too large: limit is 1572864");

    [Fact]
    public async Task Patches_cannot_make_an_object_grow_beyond_its_limit()
    {
        await _server.CreateAsync("configmaps", """{"metadata":{"name":"grows"}}""");
        string Labels(int from) => $$"""{"metadata":{"labels":{ {{string.Join(',', Enumerable.Range(from, 50_000).Select(i => $"\"l{i}\":\"x\""))}} } } }""";
        await _server.OkAsync("PATCH", $"{ConfigMaps}/grows", Labels(100_000), MergePatch);
        await _server.OkAsync("PATCH", $"{ConfigMaps}/grows", Labels(200_000), MergePatch);
        await RefusedAsync(413, "PATCH", $"{ConfigMaps}/grows", Labels(300_000), MergePatch, "Request entity too large: limit is 1572864");
        var labels = (await _server.OkAsync("GET", $"{ConfigMaps}/grows"))["metadata"]!["labels"]!.AsObject();
        Assert.Equal(100_000, labels.Count);
    }

    [Fact]
    public async Task A_mebibyte_of_line_breaks_is_no_more_than_a_mebibyte()
    {
        var body = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "b" }, ["data"] = new JsonObject { ["k"] = new string('\n', 1024 * 1024) } };
        await _server.CreateAsync("configmaps", body.ToJsonString());
    }

    [Fact]
    public async Task A_hundred_thousand_labels_are_taken_away_by_one_patch()
    {
        var labels = Enumerable.Range(0, 100_000).Select(i => $"l{i}").ToList();
        await _server.CreateAsync("configmaps", $$"""{"metadata":{"name":"many","labels":{ {{string.Join(',', labels.Select(l => $"\"{l}\":\"x\""))}} } } }""");
        var patched = await _server.OkAsync("PATCH", $"{ConfigMaps}/many",
            $$"""{"metadata":{"labels":{ {{string.Join(',', labels.Select(l => $"\"{l}\":null"))}} } } }""", MergePatch);
        Assert.Equal(0, patched["metadata"]!["labels"]?.AsObject().Count ?? 0);
    }

    [Fact]
    public async Task A_hundred_thousand_wrong_labels_are_told_as_the_first_of_them()
    {
        var labels = string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"l{i}\":\"-\""));
        var (code, status) = await _server.SendAsync("POST", ConfigMaps, $$"""{"metadata":{"name":"b","labels":{ {{labels}} } } }""");
        Assert.Equal((422, 100), (code, status["details"]!["causes"]!.AsArray().Count));
        Assert.Contains("and 99900 more", (string?)status["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Strict", 400)]
    [InlineData("Warn", 201)]
    [InlineData("Ignore", 201)]
    public async Task A_quarter_of_a_million_unknown_fields_are_told_as_the_first_of_them(string validation, int code)
    {
        var fields = string.Join(',', Enumerable.Range(0, 250_000).Select(i => $"\"f{i}\":1"));
        using var content = new StringContent($$"""{"metadata":{"name":"b"}, {{fields}} }""", Encoding.UTF8, "application/json");
        using var answer = await _server.Client.PostAsync($"{ConfigMaps}?fieldValidation={validation}", content);
        Assert.Equal(code, (int)answer.StatusCode);
        Assert.InRange((await answer.Content.ReadAsStringAsync()).Length, 1, 16 * 1024);
    }

    [Theory]
    [InlineData("über", "über")]
    [InlineData("a\\nb: c", "a\\u000ab: c")]
    [InlineData("a\\u0000", "a\\u0000")]
    public async Task A_warning_can_have_any_text(string field, string told)
    {
        using var content = new StringContent($$"""{"metadata":{"name":"b"},"{{field}}":1}""", Encoding.UTF8, "application/json");
        using var answer = await _server.Client.PostAsync(ConfigMaps, content);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var warning = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Assert.Single(answer.Headers.GetValues("Warning"))));
        Assert.Equal($"299 - \"unknown field \\\"{told.Replace("\\", "\\\\", StringComparison.Ordinal)}\\\"\"", warning);
    }

    [Fact]
    public async Task Long_lists_are_merged_and_applied()
    {
        string Service(string type, int from) => $$"""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{ {{type}} "ports":[ {{string.Join(',', Enumerable.Range(from, 3_000).Select(i =>
                $$"""{"name":"p{{i}}","port":{{i}},"protocol":"TCP"}"""))}} ] } }
            """;
        const string Services = "/api/v1/namespaces/default/services";
        await _server.OkAsync("PATCH", $"{Services}/s?fieldManager=one", Service("", 1), Apply);
        await _server.OkAsync("PATCH", $"{Services}/s?fieldManager=one", Service("\"sessionAffinity\":\"ClientIP\",", 3_001), Apply);
        await _server.OkAsync("PATCH", $"{Services}/s", Service("", 6_001), StrategicPatch);
        var ports = (await _server.OkAsync("GET", $"{Services}/s"))["spec"]!["ports"]!.AsArray();
        Assert.Equal(6_000, ports.Count);
    }

    [Theory]
    [InlineData(new byte[] { 0xfe, 0xff, 0xff, 0xff, 0x0f })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 })]
    [InlineData(new byte[] { 0x00 })]
    public async Task A_field_number_that_protobuf_has_not_is_a_bad_request(byte[] tag)
    {
        // ObjectMeta.creationTimestamp, whose message has one field of that tag.
        byte[] time = [.. tag, 1];
        byte[] metadata = [0x42, (byte)time.Length, .. time];
        byte[] pod = [0x0a, (byte)metadata.Length, .. metadata];
        using var content = new ByteArrayContent([.. "k8s\0"u8, 0x12, (byte)pod.Length, .. pod]);
        content.Headers.ContentType = new("application/vnd.kubernetes.protobuf");
        using var answer = await _server.Client.PostAsync(Pods, content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""nonsense""")]
    public async Task Broken_JSON_within_protobuf_is_a_bad_request(string json)
    {
        // ControllerRevision.data, a RawExtension, which has its JSON in field 1.
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] raw = [0x0a, (byte)text.Length, .. text];
        byte[] metadata = [0x0a, 1, (byte)'b'];
        byte[] revision = [0x0a, (byte)metadata.Length, .. metadata, 0x12, (byte)raw.Length, .. raw];
        using var content = new ByteArrayContent([.. "k8s\0"u8, 0x12, (byte)revision.Length, .. revision]);
        content.Headers.ContentType = new("application/vnd.kubernetes.protobuf");
        using var answer = await _server.Client.PostAsync("/apis/apps/v1/namespaces/default/controllerrevisions", content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    private Task<JsonNode> AddRevisionAsync() =>
        _server.CreateAsync("controllerrevisions", """{"metadata":{"name":"r"},"revision":1,"data":{}}""", "apis/apps/v1");

    private static string Nested(int depth) => string.Concat(Enumerable.Repeat("{\"n\":", depth)) + "{}" + new string('}', depth);

    private static string Pod(string more) => $$"""{"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"nginx" {{more}} }] } }""";

    private async Task RefusedAsync(int expected, string method, string path, string body, string type, string message)
    {
        var (code, status) = await _server.SendAsync(method, path, body, type);
        Assert.True(code == expected, $"{code}: {status.ToJsonString()[..Math.Min(500, status.ToJsonString().Length)]}");
        Assert.Equal("Status", (string?)status["kind"]);
        Assert.Contains(message, (string?)status["message"], StringComparison.Ordinal);
    }
}
