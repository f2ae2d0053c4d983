using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Local.ApiServer;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Watching;

public sealed class OwnApiServerTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-client-").FullName;
    private readonly ServingCertificate _certificate = ServingCertificate.Create([], DateTimeOffset.UtcNow);
    private readonly string _token = ApiServerOptions.NewToken();
    private readonly RecordingLogger _log = new();
    private ApiServerHost? _host;
    private int _port;

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        _certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A server without memory, at the address of the one before.</summary>
    private async Task StartServerAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
        socket.BindAgain(new IPEndPoint(IPAddress.Loopback, _port));
        _port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        _host = await ApiServerHost.StartAsync(new ApiServerOptions
        {
            Listeners = [socket],
            Token = _token,
            Certificate = _certificate,
            ServiceCidrs = [IPNetwork.Parse("10.0.0.0/16")],
        }, new ObjectStore());
    }

    private string Kubeconfig(string authority, string token)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}");
        KubeconfigFile.Write(path, "test", new Uri($"https://127.0.0.1:{_port}"), authority, token);
        return path;
    }

    private static V1Service Service(string name, string ip) => new()
    {
        Metadata = new() { Name = name, NamespaceProperty = "default" },
        Spec = new() { ClusterIP = ip, Ports = [new() { Port = 80 }] },
    };

    [Fact]
    public async Task The_cache_follows_the_server_also_over_a_restart_that_forgets_everything()
    {
        await StartServerAsync();
        using var client = ApiClient.FromKubeconfig(Kubeconfig(_certificate.AuthorityPem, _token));
        await client.CreateAsync(Resources.Services, Service("before", "10.0.0.10"), CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var services = new Informer<V1Service>(client, Resources.Services, _log);
        var running = services.RunAsync(stop.Token);
        await services.Synced.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.NotNull(services.Get("default", "before"));
        for (var i = 20; i < 60; i++)
            await client.CreateAsync(Resources.Services, Service($"s{i}", $"10.0.0.{i}"), CancellationToken.None);
        await client.DeleteAsync(Resources.Services, "default", "s20", null, CancellationToken.None);
        await UntilAsync(() => services.Get("default", "s59") is not null && services.Get("default", "s20") is null);

        await _host!.DisposeAsync();
        Assert.NotNull(services.Get("default", "before"));
        await StartServerAsync();
        await client.CreateAsync(Resources.Services, Service("after", "10.0.0.11"), CancellationToken.None);
        await UntilAsync(() => services.Get("default", "after") is not null && services.Get("default", "before") is null);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Another_authority_and_another_token_are_refused()
    {
        await StartServerAsync();
        using var foreign = ServingCertificate.Create([], DateTimeOffset.UtcNow);
        using var misled = ApiClient.FromKubeconfig(Kubeconfig(foreign.AuthorityPem, _token));
        var e = await Assert.ThrowsAsync<ApiException>(() => misled.ListAsync(Resources.Nodes, null, null, CancellationToken.None));
        Assert.Equal("Unreachable", e.Reason);
        Assert.Contains("certificate", e.Message, StringComparison.Ordinal);
        using var stranger = ApiClient.FromKubeconfig(Kubeconfig(_certificate.AuthorityPem, "guess"));
        e = await Assert.ThrowsAsync<ApiException>(() => stranger.ListAsync(Resources.Nodes, null, null, CancellationToken.None));
        Assert.Equal((401, "Unauthorized"), (e.Code, e.Reason));
    }

    [Fact]
    public async Task A_service_account_works_with_a_bundle_of_several_authorities()
    {
        await StartServerAsync();
        using var foreign = ServingCertificate.Create([], DateTimeOffset.UtcNow);
        File.WriteAllText(Path.Combine(_folder, "ca.crt"), foreign.AuthorityPem + "\n" + _certificate.AuthorityPem);
        File.WriteAllText(Path.Combine(_folder, "token"), _token + "\n");
        using var client = InClusterConfig.Load(
            name => name == "KUBERNETES_SERVICE_HOST" ? "127.0.0.1" : $"{_port}", _folder).Connect();
        Assert.Empty(await client.ListAsync(Resources.Nodes, null, null, CancellationToken.None));
    }

    private Task UntilAsync(Func<bool> holds) => Poll.UntilAsync(holds, () => string.Join('\n', _log.Lines));
}
