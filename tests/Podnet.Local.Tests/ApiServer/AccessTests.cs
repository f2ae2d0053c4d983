using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Who has no token learns nothing, and gets none.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        await _server.CreateAsync("pods", Objects.Pod("p", node: "node-1"));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public static TheoryData<string> Strangers =>
    [
        "", "Bearer", "Bearer ", "Bearer wrong", "Bearer TOKEN-SHORT", "Bearer TOKENx", "Bearer TOKEN TOKEN", "Basic TOKEN", "Token TOKEN", "TOKEN",
        "Bearer:TOKEN", "Bearer UPPER", "Bearer Bearer TOKEN",
    ];

    [Theory]
    [MemberData(nameof(Strangers))]
    public async Task Without_the_token_every_path_and_every_method_is_401(string authorization)
    {
        using var stranger = _server.NewClient(null);
        foreach (var (method, path) in Requests())
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (authorization.Length > 0)
                request.Headers.TryAddWithoutValidation("Authorization", Filled(authorization));
            if (method is "POST" or "PUT" or "PATCH")
                request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
            using var response = await stranger.SendAsync(request);
            Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{method} {path}: {response.StatusCode}");
            if (method == "HEAD")
                continue;
            var status = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            Assert.Equal("Status/Failure/Unauthorized/Unauthorized/401", $"{status["kind"]}/{status["status"]}/{status["reason"]}/{status["message"]}/{status["code"]}");
        }
    }

    [Theory]
    [InlineData("websocket", "v5.channel.k8s.io", "exec?command=sh&stdin=true")]
    [InlineData("SPDY/3.1", "portforward.k8s.io", "portforward")]
    public async Task Without_the_token_nothing_is_upgraded(string protocol, string subprotocol, string subresource)
    {
        using var stranger = _server.NewClient("wrong");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/namespaces/default/pods/p/{subresource}");
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)
            [("Connection", "Upgrade"), ("Upgrade", protocol), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", subprotocol), ("X-Stream-Protocol-Version", subprotocol)])
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await stranger.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task The_scheme_may_be_written_in_any_case()
    {
        using var client = _server.NewClient(null);
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"bearer {_server.Token}");
        Assert.Equal("ok", await client.GetStringAsync("/readyz"));
    }

    [Fact]
    public void A_kubeconfig_is_its_owners_alone_from_its_first_byte()
    {
        using var folder = new WatchedFolder();
        var path = Path.Combine(folder.Path, "kubeconfig");
        File.WriteAllText(path, "of another time, and for everybody");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        for (var i = 0; i < 100; i++)
            KubeconfigFile.Write(path, "test", new Uri("https://127.0.0.1:1"), "authority", "secret");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        Assert.Contains("token: secret", File.ReadAllText(path), StringComparison.Ordinal);
        Assert.Equal([], folder.Readable);
    }

    private static IEnumerable<(string Method, string Path)> Requests()
    {
        const string pod = "/api/v1/namespaces/default/pods/p";
        foreach (var path in (string[])
            ["/", "/healthz", "/livez", "/readyz", "/readyz?verbose", "/version", "/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v2", "/openapi/v3", "/metrics", "/nothing",
            "/%2e%2e/api", "/api/v1/pods", "/api/v1/pods?watch=1", "/api/v1/pods?limit=x", pod, $"{pod}/log?follow=true", $"{pod}/exec?command=sh", $"{pod}/portforward",
            $"{pod}/status", "/api/v1/secrets", "/api/v1/namespaces/default/secrets/none"])
            yield return ("GET", path);
        foreach (var method in (string[])["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
        {
            yield return (method, "/api/v1/namespaces/default/pods");
            yield return (method, pod);
        }
    }

    private string Filled(string authorization) => authorization
        .Replace("TOKEN-SHORT", _server.Token[..^1], StringComparison.Ordinal)
        .Replace("TOKEN", _server.Token, StringComparison.Ordinal)
        .Replace("UPPER", _server.Token.ToUpperInvariant(), StringComparison.Ordinal);

    /// <summary>Looks, for as long as it is there, whether others could read a file in it.</summary>
    private sealed class WatchedFolder : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<string> _readable = [];
        private readonly Task _looking;

        public WatchedFolder() => _looking = Task.Factory.StartNew(Look, TaskCreationOptions.LongRunning);

        public string Path { get; } = Directory.CreateTempSubdirectory("podnet-kubeconfig-").FullName;

        /// <summary>What could be read, apart from the file that was there before.</summary>
        public List<string> Readable
        {
            get
            {
                _stop.Cancel();
                _looking.Wait();
                return _readable;
            }
        }

        public void Dispose()
        {
            _stop.Cancel();
            _looking.Wait();
            _stop.Dispose();
            Directory.Delete(Path, recursive: true);
        }

        private void Look()
        {
            while (!_stop.IsCancellationRequested)
            {
                foreach (var file in Directory.EnumerateFiles(Path, "*.new"))
                {
                    var info = new FileInfo(file);
                    if (info.Exists && (info.UnixFileMode & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != UnixFileMode.None)
                        _readable.Add($"{file}: {info.UnixFileMode}");
                }
            }
        }
    }
}
