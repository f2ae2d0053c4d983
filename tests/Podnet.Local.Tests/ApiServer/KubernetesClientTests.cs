extern alias full;

using full::k8s;
using full::k8s.Autorest;
using full::k8s.Models;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>The C# client that other programs use, with this server's kubeconfig.</summary>
public sealed class KubernetesClientTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private IKubernetes _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        _client = new full::k8s.Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(_server.Kubeconfig));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Objects_are_created_read_patched_and_deleted()
    {
        var made = await _client.CoreV1.CreateNamespacedConfigMapAsync(
            new V1ConfigMap { Metadata = new V1ObjectMeta { Name = "settings" }, Data = new Dictionary<string, string> { ["a"] = "1" } }, "default");
        Assert.NotNull(made.Metadata.Uid);
        var patched = await _client.CoreV1.PatchNamespacedConfigMapAsync(
            new V1Patch("""{"data":{"b":"2"}}""", V1Patch.PatchType.StrategicMergePatch), "settings", "default");
        Assert.Equal("2", patched.Data["b"]);
        var applied = await _client.CoreV1.PatchNamespacedConfigMapAsync(
            new V1Patch("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"c":"3"}}""", V1Patch.PatchType.ApplyPatch),
            "settings", "default", fieldManager: "test");
        Assert.Equal(["a", "b", "c"], applied.Data.Keys.Order(StringComparer.Ordinal));
        await _client.CoreV1.DeleteNamespacedConfigMapAsync("settings", "default");
        var gone = await Assert.ThrowsAsync<HttpOperationException>(() => _client.CoreV1.ReadNamespacedConfigMapAsync("settings", "default"));
        Assert.Contains("configmaps \\\"settings\\\" not found", gone.Response.Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_is_read_in_pages()
    {
        for (var i = 0; i < 5; i++)
            await _server.CreateAsync("configmaps", Objects.ConfigMap($"c{i}"));
        var (names, next) = (new List<string>(), (string?)null);
        do
        {
            var page = await _client.CoreV1.ListNamespacedConfigMapAsync("default", limit: 2, continueParameter: next);
            names.AddRange(page.Items.Select(c => c.Metadata.Name));
            next = page.Metadata.ContinueProperty;
        }
        while (!string.IsNullOrEmpty(next));
        Assert.Equal(["c0", "c1", "c2", "c3", "c4"], names);
    }

    [Fact]
    public async Task A_watch_tells_what_happens()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var list = await _client.CoreV1.ListNamespacedConfigMapAsync("default", cancellationToken: stop.Token);
        var seen = new List<string>();
        var watching = Task.Run(async () =>
        {
            await foreach (var (type, changed) in _client.CoreV1.WatchListNamespacedConfigMapAsync(
                "default", resourceVersion: list.Metadata.ResourceVersion, cancellationToken: stop.Token))
            {
                seen.Add($"{type} {changed.Metadata.Name}");
                if (type == WatchEventType.Deleted)
                    break;
            }
        }, stop.Token);
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.OkAsync("PATCH", "/api/v1/namespaces/default/configmaps/a", """{"data":{"k":"2"}}""", "application/merge-patch+json");
        await _server.OkAsync("DELETE", "/api/v1/namespaces/default/configmaps/a");
        await watching;
        Assert.Equal(["Added a", "Modified a", "Deleted a"], seen);
    }
}
