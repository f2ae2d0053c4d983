using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Kubernetes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>The client that every other part of Podnet uses, against this server.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task An_informer_holds_what_the_server_holds()
    {
        await using var server = await RunningServer.StartAsync();
        await server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        using var client = ApiClient.FromKubeconfig(server.Kubeconfig);
        using var stop = new CancellationTokenSource();
        var informer = new Informer<V1ConfigMap>(client, Resources.ConfigMaps, NullLogger.Instance);
        var changed = new SemaphoreSlim(0);
        informer.Changed += (_, _) => changed.Release();
        var run = informer.RunAsync(stop.Token);
        await informer.Synced.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal("1", informer.Get("default", "a")!.Data["k"]);

        await client.CreateAsync(Resources.ConfigMaps, new V1ConfigMap { Metadata = new() { Name = "b", NamespaceProperty = "default" } }, default);
        await client.DeleteAsync(Resources.ConfigMaps, "default", "a", null, default);
        while (informer.Get("default", "a") is not null || informer.Get("default", "b") is null)
            Assert.True(await changed.WaitAsync(TimeSpan.FromSeconds(30)));

        await stop.CancelAsync();
        try
        {
            await run;
        }
        catch (OperationCanceledException)
        {
            // As it should: it was told to stop.
        }
    }
}
