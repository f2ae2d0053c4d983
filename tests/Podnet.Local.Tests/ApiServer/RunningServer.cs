using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Linux;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>A server of the test's own on 127.0.0.1, with a client and a kubeconfig for kubectl.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    private readonly ApiServerHost _host;
    private readonly ServingCertificate _certificate;
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-api-").FullName;

    private RunningServer(ApiServerHost host, ServingCertificate certificate, int port, string token)
    {
        (_host, _certificate, Port, Token) = (host, certificate, port, token);
        Kubeconfig = Path.Combine(_folder, "kubeconfig");
        KubeconfigFile.Write(Kubeconfig, "test", new Uri($"https://127.0.0.1:{port}"), certificate.AuthorityPem, token);
        Client = NewClient(token);
    }

    public int Port { get; }

    public string Token { get; }

    public string Kubeconfig { get; }

    public HttpClient Client { get; }

    /// <summary>What the server has logged.</summary>
    internal RecordingLoggers Log { get; private init; } = null!;

    public static async Task<RunningServer> StartAsync(int historyLength = 4096, string[]? serviceCidrs = null, IPodAccess? pods = null, TimeProvider? time = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        var certificate = ServingCertificate.Create([], DateTimeOffset.UtcNow);
        var token = ApiServerOptions.NewToken();
        var log = new RecordingLoggers();
        var host = await ApiServerHost.StartAsync(new ApiServerOptions
        {
            Listeners = [socket],
            Token = token,
            Certificate = certificate,
            Pods = pods,
            Logging = log,
            Time = time ?? TimeProvider.System,
            ServiceCidrs = [.. (serviceCidrs ?? ["10.0.0.0/16"]).Select(IPNetwork.Parse)],
        }, new ObjectStore(historyLength), CancellationToken.None);
        return new(host, certificate, port, token) { Log = log };
    }

    /// <summary>Trusts this server's authority and nothing else.</summary>
    public HttpClient NewClient(string? token)
    {
        var authority = X509Certificate2.CreateFromPem(_certificate.AuthorityPem);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new()
            {
                CertificateChainPolicy = new()
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    RevocationMode = X509RevocationMode.NoCheck,
                    CustomTrustStore = { authority },
                },
            },
        };
        var client = new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{Port}"), Timeout = TimeSpan.FromSeconds(60) };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    public async Task<(int Code, JsonNode Body)> SendAsync(
        string method, string path, string? body = null, string type = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type);
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await Client.SendAsync(request);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>A request that must succeed.</summary>
    public async Task<JsonNode> OkAsync(string method, string path, string? body = null, string type = "application/json")
    {
        var (code, answer) = await SendAsync(method, path, body, type);
        Assert.True(code is 200 or 201, $"{method} {path}: {code}: {answer}");
        return answer;
    }

    public Task<JsonNode> CreateAsync(string plural, string body, string group = "api/v1", string ns = "default") =>
        OkAsync("POST", $"/{group}/namespaces/{ns}/{plural}", body);

    /// <summary>kubectl, unmodified, with this server's kubeconfig.</summary>
    public ProcessResult Kubectl(params string[] arguments) => ChildProcess.Run("kubectl", ["--kubeconfig", Kubeconfig, "--cache-dir", Path.Combine(_folder, "cache"), .. arguments]);

    /// <summary>kubectl's standard output; it must succeed.</summary>
    public string KubectlText(params string[] arguments)
    {
        var result = Kubectl(arguments);
        Assert.True(result.Succeeded, $"kubectl {string.Join(' ', arguments)}: {result.StandardOutput}{result.StandardError}");
        return result.StandardOutput;
    }

    /// <summary>Writes a manifest for -f.</summary>
    public string Manifest(string yaml)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.yaml");
        File.WriteAllText(path, yaml);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
        _certificate.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
