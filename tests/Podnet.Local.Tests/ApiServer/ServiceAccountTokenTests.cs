using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Tokens of service accounts: who gets one, and how long it is good for.</summary>
public sealed class ServiceAccountTokenTests : IAsyncLifetime
{
    private const string Robot = "/api/v1/namespaces/default/serviceaccounts/robot";
    private const string Reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

    private readonly SetClock _clock = new();
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync(time: _clock);
        await CreateRobotAsync();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_token_is_its_accounts()
    {
        var token = await TokenAsync("{}");
        var user = (await SelfAsync(token))!["status"]!["userInfo"]!;
        Assert.Equal("system:serviceaccount:default:robot", (string?)user["username"]);
        Assert.Equal((string?)(await _server.OkAsync("GET", Robot))["metadata"]!["uid"], (string?)user["uid"]);
        Assert.Equal(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"], user["groups"]!.AsArray().Select(g => (string?)g));
        Assert.StartsWith("JTI=", (string?)user["extra"]!["authentication.kubernetes.io/credential-id"]![0]);

        using var client = _server.NewClient(token);
        Assert.True((await client.GetAsync("/api/v1/namespaces/default/pods")).IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_token_has_the_claims_of_Kubernetes()
    {
        var claims = Part(await TokenAsync("""{"spec":{"expirationSeconds":7200}}"""), 1);
        Assert.Equal(7200, (long)claims["exp"]! - (long)claims["iat"]!);
        Assert.Equal("https://kubernetes.default.svc.cluster.local", (string?)claims["iss"]);
        Assert.Equal("https://kubernetes.default.svc.cluster.local", (string?)claims["aud"]![0]);
        Assert.Equal("system:serviceaccount:default:robot", (string?)claims["sub"]);
        Assert.Equal("default", (string?)claims["kubernetes.io"]!["namespace"]);
        Assert.Equal("robot", (string?)claims["kubernetes.io"]!["serviceaccount"]!["name"]);
    }

    [Fact]
    public async Task A_token_ends_when_its_time_is_over()
    {
        var token = await TokenAsync("""{"spec":{"expirationSeconds":600}}""");
        _clock.Now += TimeSpan.FromSeconds(599);
        Assert.NotNull(await SelfAsync(token));
        _clock.Now += TimeSpan.FromSeconds(1);
        Assert.Null(await SelfAsync(token));
    }

    [Fact]
    public async Task A_token_ends_with_its_account_also_where_a_new_one_has_its_name()
    {
        var token = await TokenAsync("{}");
        await _server.OkAsync("DELETE", Robot);
        Assert.Null(await SelfAsync(token));
        await CreateRobotAsync();
        Assert.Null(await SelfAsync(token));
    }

    [Fact]
    public async Task A_token_that_is_bound_to_a_pod_ends_with_the_pod_and_says_whose_it_is()
    {
        var pod = await _server.CreateAsync("pods", Pod("robot"));
        var uid = (string?)pod["metadata"]!["uid"];
        var token = await TokenAsync($$"""{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p","uid":"{{uid}}"} } }""");
        var extra = (await SelfAsync(token))!["status"]!["userInfo"]!["extra"]!;
        Assert.Equal(("p", uid), ((string?)extra["authentication.kubernetes.io/pod-name"]![0], (string?)extra["authentication.kubernetes.io/pod-uid"]![0]));
        await _server.OkAsync("DELETE", "/api/v1/namespaces/default/pods/p");
        Assert.Null(await SelfAsync(token));
    }

    [Fact]
    public async Task What_somebody_makes_of_a_token_is_nobodys()
    {
        var token = await TokenAsync("{}");
        var (header, claims, signature) = (Part(token, 0), Part(token, 1), token.Split('.')[2]);
        Assert.Equal("ES256", (string?)header["alg"]);
        claims["sub"] = "system:serviceaccount:kube-system:admin";
        var none = Encode(new JsonObject { ["alg"] = "none" });
        foreach (var made in (string[])
        [
            $"{token.Split('.')[0]}.{Encode(claims)}.{signature}", $"{none}.{Encode(claims)}.", $"{none}.{Encode(claims)}", token[..^4], token + "AAAA",
            token.Split('.')[0] + ".", token.Split('.')[0] + "..", $"{token.Split('.')[0]}.{Encode(claims)}.%%%", $"{token}.{signature}", "a.b.c", "...", "",
        ])
            Assert.Null(await SelfAsync(made));

        await using var other = await RunningServer.StartAsync();
        await other.CreateAsync("serviceaccounts", """{"metadata":{"name":"robot"}}""");
        Assert.Null(await SelfAsync((string)(await other.OkAsync("POST", Robot + "/token", "{}"))["status"]!["token"]!));
    }

    [Fact]
    public async Task A_token_for_somebody_else_is_not_good_here_and_they_can_have_it_checked()
    {
        var token = await TokenAsync("""{"spec":{"audiences":["vault"]}}""");
        Assert.Null(await SelfAsync(token));
        var known = await ReviewAsync($$"""{"spec":{"token":"{{token}}","audiences":["vault","other"]} }""");
        Assert.True((bool)known["authenticated"]!);
        Assert.Equal("vault", (string?)Assert.Single(known["audiences"]!.AsArray()));
        Assert.Equal("system:serviceaccount:default:robot", (string?)known["user"]!["username"]);
        Assert.False((bool)(await ReviewAsync($$"""{"spec":{"token":"{{token}}"} }"""))["authenticated"]!);
        Assert.Equal("kubernetes-admin", (string?)(await ReviewAsync($$"""{"spec":{"token":"{{_server.Token}}"} }"""))["user"]!["username"]);
    }

    [Theory]
    [InlineData("""{"spec":{"expirationSeconds":60}}""", 422, "TokenRequest.authentication.k8s.io \"robot\" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes")]
    [InlineData("""{"spec":{"expirationSeconds":4294967297}}""", 422, "TokenRequest.authentication.k8s.io \"robot\" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds")]
    [InlineData("""{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"none"}}}""", 404, "pods \"none\" not found")]
    [InlineData("""{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p"}}}""", 400, "cannot bind token for serviceaccount \"robot\" to pod running with different serviceaccount name.")]
    [InlineData("""{"spec":{"boundObjectRef":{"kind":"Node","apiVersion":"v1","name":"n"}}}""", 400, "cannot bind token to object of type v1, Kind=Node")]
    public async Task A_request_for_a_token_that_cannot_be_says_why(string request, int code, string message)
    {
        await _server.CreateAsync("pods", Pod("default"));
        var (actual, status) = await _server.SendAsync("POST", Robot + "/token", request);
        Assert.Equal((code, message), (actual, (string?)status["message"]));
    }

    [Fact]
    public async Task A_pod_gets_its_accounts_token_the_servers_certificate_and_its_namespace_in_each_container()
    {
        var pod = await _server.CreateAsync("pods", """{"metadata":{"name":"p"},"spec":{"initContainers":[{"name":"i","image":"x"}],"containers":[{"name":"c","image":"x"}]}}""");
        var volume = Assert.Single(pod["spec"]!["volumes"]!.AsArray())!;
        Assert.Matches("^kube-api-access-[a-z0-9]{5}$", (string?)volume["name"]);
        Assert.Equal("""
            {"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},{"downwardAPI":{"items":[{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"},"path":"namespace"}]}}],"defaultMode":420}
            """.Trim(), volume["projected"]!.ToJsonString());
        foreach (var list in (string[])["initContainers", "containers"])
        {
            var mount = Assert.Single(pod["spec"]![list]![0]!["volumeMounts"]!.AsArray())!;
            Assert.Equal(("/var/run/secrets/kubernetes.io/serviceaccount", true, (string?)volume["name"]), ((string?)mount["mountPath"], (bool)mount["readOnly"]!, (string?)mount["name"]));
        }
    }

    [Theory]
    [InlineData("robot", "", true)]
    [InlineData("robot", ",\"automountServiceAccountToken\":false", false)]
    [InlineData("shy", "", false)]
    [InlineData("shy", ",\"automountServiceAccountToken\":true", true)]
    [InlineData("robot", ",\"volumes\":[{\"name\":\"own\"}]", false)]
    public async Task Pods_and_accounts_may_do_without_a_token(string account, string more, bool expected)
    {
        await _server.CreateAsync("serviceaccounts", """{"metadata":{"name":"shy"},"automountServiceAccountToken":false}""");
        var mounts = more.Contains("own", StringComparison.Ordinal) ? ",\"volumeMounts\":[{\"name\":\"own\",\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}]" : "";
        var pod = await _server.CreateAsync(
            "pods", $$"""{"metadata":{"name":"p"},"spec":{"serviceAccountName":"{{account}}"{{more}},"containers":[{"name":"c","image":"x"{{mounts}} }] } }""");
        Assert.Equal(expected, pod["spec"]!["volumes"]?.AsArray().Any(v => ((string)v!["name"]!).StartsWith("kube-api-access-", StringComparison.Ordinal)) == true);
    }

    [Fact]
    public async Task A_pod_of_an_account_that_is_not_there_is_refused()
    {
        var (code, status) = await _server.SendAsync("POST", "/api/v1/namespaces/default/pods", Pod("nobody"));
        Assert.Equal(403, code);
        Assert.Equal("pods \"p\" is forbidden: error looking up service account default/nobody: serviceaccount \"nobody\" not found", (string?)status["message"]);
    }

    [Fact]
    public void Kubectl_gets_a_token_and_is_whom_it_is_for()
    {
        var token = _server.KubectlText("create", "token", "robot", "--duration=1h").Trim();
        var shown = _server.KubectlText("--token", token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}");
        Assert.Equal("system:serviceaccount:default:robot", shown);
        Assert.Equal("error: failed to create token: serviceaccounts \"nobody\" not found\n", _server.Kubectl("create", "token", "nobody").StandardError);
    }

    [Fact]
    public void Roles_and_bindings_are_kept_as_they_are_applied()
    {
        _server.KubectlText("create", "role", "reader", "--verb=get,list", "--resource=pods");
        _server.KubectlText("create", "rolebinding", "robot-reads", "--role=reader", "--serviceaccount=default:robot");
        _server.KubectlText("create", "clusterrolebinding", "robot:admin", "--clusterrole=cluster-admin", "--serviceaccount=default:robot");
        Assert.Matches(@"^robot-reads +Role/reader +\d+s +default/robot\n$", _server.KubectlText("get", "rolebindings", "-o", "wide", "--no-headers"));
        Assert.Contains("cannot change roleRef", _server.Kubectl("patch", "rolebinding", "robot-reads", "-p", """{"roleRef":{"name":"other"}}""").StandardError);
        Assert.Equal("Role", _server.KubectlText("get", "role", "reader", "-o", "jsonpath={.kind}"));
    }

    private async Task CreateRobotAsync() => await _server.CreateAsync("serviceaccounts", """{"metadata":{"name":"robot"}}""");

    private static string Pod(string account) => $$"""{"metadata":{"name":"p"},"spec":{"serviceAccountName":"{{account}}","containers":[{"name":"c","image":"x"}] } }""";

    private async Task<string> TokenAsync(string request) => (string)(await _server.OkAsync("POST", Robot + "/token", request))["status"]!["token"]!;

    private async Task<JsonNode> ReviewAsync(string review) => (await _server.OkAsync("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review))["status"]!;

    /// <summary>Who one is by a token; null where the answer is 401.</summary>
    private async Task<JsonNode?> SelfAsync(string token)
    {
        using var client = _server.NewClient(token: null);
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        using var response = await client.PostAsync(Reviews, new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.True((int)response.StatusCode is 201 or 401, $"{response.StatusCode}");
        return response.IsSuccessStatusCode ? JsonNode.Parse(await response.Content.ReadAsStringAsync()) : null;
    }

    private static JsonObject Part(string token, int index) => JsonNode.Parse(Base64Url.DecodeFromChars(token.Split('.')[index]))!.AsObject();

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
