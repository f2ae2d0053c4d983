using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CsCheck;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Whatever a client sends, the answer is a clear one, nothing goes wrong inside, and others are served as ever.</summary>
public sealed class RequestFuzzTests : IAsyncLifetime
{
    private const int Requests = 4000;

    private static readonly string[] Methods = ["GET", "GET", "POST", "POST", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "FROB"];

    private static readonly string[] Kinds =
    [
        "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/services", "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/secrets",
        "/api/v1/namespaces/default/events", "/api/v1/namespaces/default/endpoints", "/api/v1/nodes", "/api/v1/namespaces", "/apis/apps/v1/namespaces/default/deployments",
        "/apis/apps/v1/namespaces/default/statefulsets", "/apis/apps/v1/namespaces/default/controllerrevisions", "/apis/batch/v1/namespaces/default/jobs",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/api", "/apis", "/openapi/v3", "/openapi/v2", "/version", "/",
    ];

    private static readonly string[] Below =
        ["", "", "/x", "/x", "/x/status", "/x/scale", "/x/log", "/x/exec", "/x/portforward", "/x/binding", "/x/eviction", "/x/finalize", "/%2e%2e", "/a%2fb", "/%ff", "/x/y/z", "//", "/%00"];

    private static readonly string[] Parameters =
    [
        "limit", "continue", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "labelSelector", "fieldSelector", "fieldManager", "force", "dryRun",
        "fieldValidation", "gracePeriodSeconds", "propagationPolicy", "timeoutSeconds", "tailLines", "sinceSeconds", "sinceTime", "limitBytes", "command", "container", "pretty",
    ];

    private static readonly string[] Values =
    [
        "", "0", "1", "-1", "99999999999999999999", "9223372036854775807", "true", "a", "a=b", "a in (b", "!", ",,,", "metadata.name=x", "spec.nodeName!=", "%ff%fe", "%00", "Exact",
        "NotOlderThan", "MS9hL2I=", "All", "Strict", "2024-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "%F0%9F%98%80", "a%0d%0ab",
    ];

    private static readonly string[] Types =
    [
        "application/json", "application/json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml",
        "application/vnd.kubernetes.protobuf", "text/plain", "application/json;charset=utf-16", "nonsense",
    ];

    private static readonly string[] Bodies =
    [
        Objects.Pod("x", node: "n"), Objects.ConfigMap("x"), Objects.Service("x", """ "ports":[{"name":"a","port":80,"targetPort":"http"},{"name":"b","port":81}],"selector":{"a":"b"} """),
        Objects.Deployment("x"), """{"metadata":{"name":"x","finalizers":["a/b"],"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"1"}]},"data":{"k":"dg=="},"type":"Opaque"}""",
        """{"metadata":{"name":"x","managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:k":{}},"k:{\"a\":1}":{}}}]}}""",
        """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"k":"1"}}""", """[{"op":"add","path":"/data/k","value":"1"},{"op":"copy","from":"/metadata","path":"/spec"}]""",
        """[{"op":"move","from":"/spec","path":"/metadata/labels"},{"op":"test","path":"/a/0","value":null},{"op":"remove","path":"/metadata"}]""",
        """{"spec":{"containers":[{"name":"c","$patch":"delete"}],"$setElementOrder/containers":[{"name":"c"}],"$retainKeys":["containers"]}}""",
        """{"spec":{"replicas":2},"status":{"replicas":1,"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2024-01-01T00:00:00Z"}]}}""",
        """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1","memory":"1Gi"}},"ports":[{"containerPort":80}]}],"restartPolicy":"Never"}}}}""",
        """{"addressType":"IPv4","metadata":{"name":"x"},"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true}}],"ports":[{"port":80,"protocol":"TCP"}]}""",
        """{"spec":{"podSelector":{"matchLabels":{"a":"b"}},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}],"ports":[{"port":80}]}],"rules":[{"host":"a.b","http":{"paths":[]}}]}}""",
        """{"gracePeriodSeconds":0,"propagationPolicy":"Orphan","preconditions":{"uid":"1"}}""", "k8s\0\u000a\u0006\u000a\u0002v1\u0012\u0000\u0012\u0004\u000a\u0002\u000a\u0000", "", "null", "[]",
    ];

    /// <summary>What comes in the place of a string, a number or a name in such a body.</summary>
    private static readonly string[] Odd =
    [
        "null", "true", "0", "-1", "1.5", "1e400", "99999999999999999999", "\"\"", "\"a\\nb\"", "\"\\ud800\"", "\"\\u0000\"", "\"über\"", "[]", "{}", "[null]", "{\"a\":null}", "\"name\"", "\"$patch\"",
        "\"/metadata/labels/a~1b\"", "\"-\"", "\"1e99\"", "\"2024-02-30T00:00:00Z\"", "{\"\":{\"\":[[[{}]]]}}", "\"f:\"", "\"k:{}\"", "\"v:\"", "\"k:[\"",
    ];

    private static readonly Regex Leaf = new("\"[^\"\\\\]*\"|[0-9]+", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static readonly Gen<(string Method, string Url, string Type, string Body)> Request =
        from method in Of(Methods)
        from kind in Of(Kinds)
        from below in Of(Below)
        from query in Gen.Select(Of(Parameters), Of(Values), (name, value) => $"{name}={value}").Array[0, 3]
        from type in Of(Types)
        from body in Of(Bodies)
        from changes in Gen.Select(Gen.Int[0, 60], Of(Odd)).Array[0, 3]
        select (method, $"{kind}{below}?{string.Join('&', query)}", type, changes.Aggregate(body, Changed));

    [Fact]
    public async Task No_request_is_answered_with_an_error_of_the_servers_own()
    {
        Request.Sample(request => AnswerAsync(request).GetAwaiter().GetResult(), seed: "0N0XIzNsQ0O2", iter: Requests, threads: 1);
        Assert.Empty(_server.Log.Lines);
        foreach (var plural in (string[])["pods", "services", "configmaps", "secrets", "events"])
            await _server.OkAsync("GET", $"/api/v1/{plural}");
        await _server.CreateAsync("configmaps", Objects.ConfigMap("after"));
    }

    private async Task AnswerAsync((string Method, string Url, string Type, string Body) sent)
    {
        using var request = new HttpRequestMessage(new HttpMethod(sent.Method), new Uri($"https://127.0.0.1:{_server.Port}{sent.Url}"));
        if (sent.Method is not ("GET" or "HEAD"))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(sent.Body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", sent.Type);
        }
        using var response = await _server.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        // 504 is Kubernetes' answer to a resourceVersion that is yet to come; 500 to a log of a node that is not there.
        Assert.True((int)response.StatusCode < 500 || text.Contains("Too large resource version", StringComparison.Ordinal) || text.Contains("no kubelet of node", StringComparison.Ordinal),
            $"{(int)response.StatusCode} {text}");
        if (response.Content.Headers.ContentType?.MediaType == "application/json" && text.Length > 0)
            Assert.NotNull(JsonNode.Parse(text));
    }

    private static Gen<string> Of(string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Changed(string body, (int Place, string Odd) change)
    {
        var leaves = Leaf.Matches(body);
        if (leaves.Count == 0)
            return body;
        var leaf = leaves[change.Place % leaves.Count];
        return body[..leaf.Index] + change.Odd + body[(leaf.Index + leaf.Length)..];
    }
}
