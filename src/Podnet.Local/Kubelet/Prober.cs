using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>How one run of a probe or a hook went.</summary>
/// <param name="Output">Why it failed, as the kubelet says it.</param>
internal readonly record struct ProbeOutcome(bool Succeeded, string Output);

/// <summary>
/// Asks containers how they are: by HTTP, by gRPC, by a TCP connection, or by a program in the container. Its connections come from
/// the node, as a kubelet's do: they are made in the node's network namespace.
/// </summary>
internal sealed class Prober : IDisposable
{
    /// <summary>As many as Go's HTTP client follows.</summary>
    private const int MostRedirects = 10;

    private readonly string _namespace;
    private readonly HttpMessageInvoker _http;

    /// <param name="namespace">The node's network namespace, by name.</param>
    public Prober(string @namespace)
    {
        _namespace = @namespace;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            PooledConnectionLifetime = TimeSpan.Zero, // each probe asks over a connection of its own
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = async (context, ct) => new NetworkStream(await ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, ct), ownsSocket: true),
            // "the kubelet skips certificate verification" (Kubernetes, "Configure probes").
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        });
    }

    /// <param name="address">The pod's, where the probe names none.</param>
    /// <exception cref="ContainerConfigException">A named port that the container doesn't have.</exception>
    public async Task<ProbeOutcome> ProbeAsync(
        V1Probe probe, V1Container container, string address, RunningContainer running, Runc runc, CancellationToken ct)
    {
        var timeout = TimeSpan.FromSeconds(Math.Max(1, probe.TimeoutSeconds ?? 1));
        if (probe.Exec is { } exec)
            return await ExecAsync(exec.Command, running, runc, timeout, ct);
        if (probe.HttpGet is { } http)
            return await GetAsync(http, container, address, timeout, ct);
        if (probe.TcpSocket is { } tcp)
            return await DialAsync(tcp.Host is { Length: > 0 } host ? host : address, PortOf(tcp.Port, container), timeout, ct);
        if (probe.Grpc is { } grpc)
            return await GrpcProbe.CheckAsync(_http, address, grpc.Port, grpc.Service ?? "", timeout, ct);
        throw new ContainerConfigException($"container {container.Name}: a probe must be one of exec, httpGet, tcpSocket and grpc");
    }

    /// <summary>A program in the container: exit code 0 is well.</summary>
    public static async Task<ProbeOutcome> ExecAsync(IEnumerable<string>? command, RunningContainer running, Runc runc, TimeSpan timeout, CancellationToken ct)
    {
        // A file, as nobody has to read it while the program runs, nor wait for what that may leave running.
        var file = $"{running.Folder}/probe-{Guid.NewGuid():N}";
        try
        {
            using var output = FileHandle.OpenAppend(file);
            var process = await runc.ExecAsync(running, [.. command ?? []], new ExecStreams(Output: output, Error: output));
            if (await Task.WhenAny(process.Exited, Task.Delay(timeout, ct)) != process.Exited)
            {
                process.Kill(Signals.Kill);
                await process.Exited;
                return new ProbeOutcome(false, $"command timed out: \"{string.Join(' ', command ?? [])}\" timed out after {timeout.TotalSeconds:0}s");
            }

            return new ProbeOutcome((await process.Exited).Succeeded, await ReadFirstAsync(file));
        }
        catch (Exception e) when (e is RuncException or IOException)
        {
            return new ProbeOutcome(false, e.Message);
        }
        finally
        {
            if (Directory.Exists(running.Folder))
                File.Delete(file);
        }
    }

    private static async Task<string> ReadFirstAsync(string file)
    {
        const int most = 10 * 1024; // bytes: k8s.io/kubernetes/pkg/probe/exec, maxReadLength
        await using var stream = File.OpenRead(file);
        var buffer = new byte[most];
        var read = await stream.ReadAtLeastAsync(buffer, most, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(buffer, 0, read);
    }

    /// <summary>A GET whose answer is below 400 is well.</summary>
    public async Task<ProbeOutcome> GetAsync(V1HTTPGetAction http, V1Container container, string address, TimeSpan timeout, CancellationToken ct)
    {
        var host = http.Host is { Length: > 0 } own ? own : address;
        var scheme = http.Scheme is { Length: > 0 } named ? named.ToLowerInvariant() : "http";
        var path = http.Path is { Length: > 0 } given ? given : "/";
        var uri = new Uri($"{scheme}://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{PortOf(http.Port, container)}{(path[0] == '/' ? "" : "/")}{path}");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(timeout);
        try
        {
            for (var hops = 0; ; hops++)
            {
                using var request = Request(uri, http);
                using var response = await _http.SendAsync(request, patience.Token);
                var code = (int)response.StatusCode;
                if (code is >= 300 and < 400 && response.Headers.Location is { } location && hops < MostRedirects
                    && new Uri(uri, location) is var next && next.Host == uri.Host)
                {
                    uri = next;
                    continue;
                }

                return code is >= 200 and < 400
                    ? new ProbeOutcome(true, "")
                    : new ProbeOutcome(false, $"HTTP probe failed with statuscode: {code}");
            }
        }
        catch (OperationCanceledException)
        {
            return new ProbeOutcome(false, $"Get \"{uri}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return new ProbeOutcome(false, $"Get \"{uri}\": {(e.InnerException ?? e).Message}");
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A number, or the name of one of the container's own.</summary>
    internal static int PortOf(IntOrString port, V1Container container)
    {
        if (int.TryParse(port?.Value, CultureInfo.InvariantCulture, out var number))
            return number;
        return container.Ports?.FirstOrDefault(p => p.Name == port?.Value)?.ContainerPort
            ?? throw new ContainerConfigException($"container {container.Name}: a probe or hook names port {port?.Value}, which the container does not have");
    }

    private static HttpRequestMessage Request(Uri uri, V1HTTPGetAction http)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.ConnectionClose = true;
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.32");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (var header in http.HttpHeaders ?? [])
        {
            if (header.Name.Equals("Host", StringComparison.OrdinalIgnoreCase))
                request.Headers.Host = header.Value;
            else
                request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        return request;
    }

    private async Task<ProbeOutcome> DialAsync(string host, int port, TimeSpan timeout, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(timeout);
        try
        {
            using var socket = await ConnectAsync(host, port, patience.Token);
            return new ProbeOutcome(true, "");
        }
        catch (OperationCanceledException)
        {
            return new ProbeOutcome(false, $"dial tcp {host}:{port}: i/o timeout");
        }
        catch (SocketException e)
        {
            return new ProbeOutcome(false, $"dial tcp {host}:{port}: {e.Message}");
        }
    }

    private async Task<Socket> ConnectAsync(string host, int port, CancellationToken ct)
    {
        var address = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? literal : (await System.Net.Dns.GetHostAddressesAsync(host, ct))[0];
        var socket = NodeSocket(address.AddressFamily);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A socket belongs to the namespace that it was made in.</summary>
    private Socket NodeSocket(AddressFamily family)
    {
        using var node = NetworkNamespace.OpenNamed(_namespace);
        return node.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
    }
}
