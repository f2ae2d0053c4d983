using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.Testing;

/// <summary>Debian's docker-registry at 127.0.0.1, over HTTP, with what it keeps in a folder of the test's own.</summary>
public sealed class TestRegistry : IDisposable
{
    /// <summary>Who may read from a registry that asks: "reader", "secret" (htpasswd(1), bcrypt).</summary>
    private const string Password = "reader:$2b$05$/XL5I4YS26ZAqhriGmNOWuWMRUGJwZ5Sz6BnvGsi8gNkG5djShbi.";

    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-registry-").FullName;
    private readonly ChildProcess _registry;

    /// <param name="asks">It wants a name and a password.</param>
    public TestRegistry(bool asks = false)
    {
        var port = FreePort();
        Address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        File.WriteAllText($"{_folder}/htpasswd", Password + "\n");
        var auth = asks ? $"auth: {{ htpasswd: {{ realm: test, path: {_folder}/htpasswd }} }}" : "";
        File.WriteAllText($"{_folder}/config.yml", $$"""
            version: 0.1
            storage: { filesystem: { rootdirectory: {{_folder}}/data } }
            http: { addr: "{{Address}}" }
            {{auth}}
            """);
        using var log = FileHandle.OpenAppend($"{_folder}/log");
        _registry = ChildProcess.Start(new ProcessStart("docker-registry", ["serve", $"{_folder}/config.yml"]) { StandardOutput = log, StandardError = log });
        Poll.Until(() => Answers(port), () => $"the registry does not answer: {File.ReadAllText($"{_folder}/log")}");
    }

    /// <summary>"127.0.0.1:40123".</summary>
    public string Address { get; }

    /// <summary>Puts an OCI archive there.</summary>
    /// <param name="name">"team/web:1".</param>
    /// <param name="credentials">"reader:secret".</param>
    public string Push(string archive, string name, string? credentials = null)
    {
        string[] access = credentials is null ? [] : ["--dest-creds", credentials];
        Tool.Run("skopeo", ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", .. access, $"oci-archive:{archive}", $"docker://{Address}/{name}"]);
        return $"{Address}/{name}";
    }

    /// <summary>How often each of an image's blobs was fetched.</summary>
    public IEnumerable<int> Fetches(string repository) =>
        File.ReadLines($"{_folder}/log").Select(line => line.IndexOf($"\"GET /v2/{repository}/blobs/", StringComparison.Ordinal) is >= 0 and var at ? line[at..].Split(' ')[1] : null)
            .Where(blob => blob is not null).GroupBy(blob => blob).Select(blob => blob.Count());

    public void Stop()
    {
        if (_registry.Exited.IsCompleted)
            return;
        _registry.Kill(Signals.Kill);
        _registry.Exited.Wait();
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    private bool Answers(int port)
    {
        if (_registry.Exited.IsCompleted)
            throw new InvalidOperationException($"docker-registry ended: {File.ReadAllText($"{_folder}/log")}");
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
