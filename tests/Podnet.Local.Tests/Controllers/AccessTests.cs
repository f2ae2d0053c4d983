using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.Controllers;

/// <summary>What pods need to talk to the API server, in each namespace.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private RunningCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await RunningCluster.StartAsync(kubernetes: true);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Every_namespace_has_the_servers_certificate_and_gets_it_back()
    {
        _cluster.Server.KubectlText("create", "namespace", "shop");
        await UntilCertifiedAsync("shop");
        await UntilCertifiedAsync("kube-system");
        _cluster.Server.KubectlText("delete", "configmap", "kube-root-ca.crt", "-n", "shop");
        await UntilCertifiedAsync("shop");
        _cluster.Server.KubectlText("patch", "configmap", "kube-root-ca.crt", "-n", "shop", "-p", """{"data":{"ca.crt":"nobody"}}""");
        await UntilCertifiedAsync("shop");
    }

    [Fact]
    public async Task A_secret_for_a_token_is_filled_and_the_token_ends_with_it()
    {
        _cluster.Apply("""
            apiVersion: v1
            kind: Secret
            metadata: { name: for-ever, annotations: { kubernetes.io/service-account.name: robot } }
            type: kubernetes.io/service-account-token
            """);
        _cluster.Server.KubectlText("create", "serviceaccount", "robot");
        JsonNode? data = null;
        await _cluster.EventuallyAsync("it is filled", async () =>
            (data = (await _cluster.Server.OkAsync("GET", "/api/v1/namespaces/default/secrets/for-ever"))["data"]) is not null);
        Assert.Equal(_cluster.Server.AuthorityPem, Decoded("ca.crt"));
        Assert.Equal("default", Decoded("namespace"));
        using var client = _cluster.Server.NewClient(Decoded("token"));
        Assert.Equal(200, (int)(await client.GetAsync("/api/v1/namespaces")).StatusCode);
        _cluster.Server.KubectlText("delete", "secret", "for-ever");
        Assert.Equal(401, (int)(await client.GetAsync("/api/v1/namespaces")).StatusCode);

        string Decoded(string key) => Encoding.UTF8.GetString(Convert.FromBase64String((string)data![key]!));
    }

    [Fact]
    public async Task A_secret_for_a_token_must_say_of_whom()
    {
        var (code, status) = await _cluster.Server.SendAsync(
            "POST", "/api/v1/namespaces/default/secrets", """{"metadata":{"name":"s"},"type":"kubernetes.io/service-account-token"}""");
        Assert.Equal(422, code);
        Assert.Equal("Secret \"s\" is invalid: metadata.annotations[kubernetes.io/service-account.name]: Required value", (string?)status["message"]);
    }

    [Fact]
    public async Task The_service_by_which_pods_find_the_API_server_is_put_back_whatever_becomes_of_it()
    {
        await UntilFoundAsync();
        _cluster.Server.KubectlText("delete", "service", "kubernetes");
        await UntilFoundAsync();
        _cluster.Server.KubectlText("delete", "endpointslice", "kubernetes");
        _cluster.Server.KubectlText("delete", "endpoints", "kubernetes");
        await UntilFoundAsync();
        _cluster.Server.KubectlText("patch", "service", "kubernetes", "--type=merge", "-p", """{"spec":{"ports":[{"name":"https","port":8443}]}}""");
        await UntilFoundAsync();
    }

    private Task UntilCertifiedAsync(string @namespace) => _cluster.EventuallyAsync($"{@namespace} has the certificate", async () =>
    {
        var (code, map) = await _cluster.Server.SendAsync("GET", $"/api/v1/namespaces/{@namespace}/configmaps/kube-root-ca.crt");
        return code == 200 && (string?)map["data"]!["ca.crt"] == _cluster.Server.AuthorityPem;
    });

    private Task UntilFoundAsync() => _cluster.EventuallyAsync("default/kubernetes is as it should be", () => Task.FromResult(
        Columns("service") == "kubernetes ClusterIP 10.0.0.1 <none> 443/TCP"
        && Columns("endpoints") == $"kubernetes 127.0.0.1:{_cluster.Server.Port}"
        && Columns("endpointslices") == $"kubernetes IPv4 {_cluster.Server.Port} 127.0.0.1"));

    /// <summary>All but the age.</summary>
    private string Columns(string kind) => string.Join('\n', _cluster.Server.KubectlText("get", kind, "--no-headers")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[..^1])));
}
