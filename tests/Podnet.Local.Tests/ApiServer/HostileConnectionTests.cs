using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Connections that are no requests, that never end, or whose other end does not read: bounded memory, a quiet log, and the same answers as ever for all others.</summary>
public sealed class HostileConnectionTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    /// <summary>Bytes that hostile clients may make the server keep: far less than they ask for, far more than a noisy measure. Arbitrary.</summary>
    private const long Bound = 200L << 20;

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.OkAsync("GET", "/api/v1/namespaces/default");
        Assert.Empty(_server.Log.Lines);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_port_scan_leaves_nothing_in_the_log()
    {
        byte[][] sent =
        [
            [], [0], "GET / HTTP/1.0\r\n\r\n"u8.ToArray(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), "SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray(), "HELP\r\n"u8.ToArray(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), [.. Enumerable.Repeat((byte)0xff, 100_000)], [0x16, 0x03, 0x01, 0xff, 0xff], [0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5],
            [0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15],
        ];
        foreach (var reset in (bool[])[false, true])
        {
            foreach (var bytes in sent)
            {
                for (var i = 0; i < 10; i++)
                {
                    using var socket = await ConnectAsync();
                    if (reset)
                        socket.LingerState = new LingerOption(true, 0);
                    await SendQuietlyAsync(socket, bytes);
                }
            }
        }
        for (var i = 0; i < 10; i++)
            await HalfHandshakeAsync();
    }

    [Fact]
    public async Task What_is_no_HTTP_within_TLS_is_answered_or_hung_up_on_and_not_logged()
    {
        foreach (var bytes in (string[])
            ["\r\n\r\n\0\0", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            $"GET /{new string('a', 200_000)} HTTP/1.1\r\nHost: a\r\n\r\n", $"GET / HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 5000).Select(i => $"H{i}: {new string('x', 50)}\r\n"))}\r\n"])
        {
            using var socket = await ConnectAsync();
            await using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync("127.0.0.1");
            try
            {
                await tls.WriteAsync(Encoding.Latin1.GetBytes(bytes));
                var answer = new byte[4096];
                var read = await tls.ReadAsync(answer);
                Assert.Matches(read == 0 ? "^$" : "^HTTP/1.1 4[0-9][0-9] |^HTTP/1.1 505 ", Encoding.Latin1.GetString(answer, 0, read));
            }
            catch (IOException)
            {
                // It was hung up on while it was still sending.
            }
        }
    }

    [Fact]
    public async Task Thousands_of_connections_that_come_and_go_leave_no_file_open()
    {
        await _server.OkAsync("GET", ConfigMaps);
        var before = OpenFiles();
        for (var round = 0; round < 20; round++)
        {
            var sockets = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => ConnectAsync()));
            foreach (var socket in sockets)
                socket.Dispose();
        }
        await Podnet.Testing.Poll.UntilAsync(() => OpenFiles() <= before + 20, () => $"{OpenFiles()} files are open, {before} were");
    }

    [Fact]
    public async Task Beyond_the_most_connections_who_comes_is_hung_up_on_until_others_go()
    {
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < ApiServerHost.MostConnections + 100; i++)
                sockets.Add(await ConnectAsync());
            Assert.Equal(0, await sockets[^1].ReceiveAsync(new byte[1]));
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
        using var client = _server.NewClient(_server.Token);
        await Podnet.Testing.Poll.UntilAsync(async () =>
        {
            try
            {
                return await client.GetStringAsync("/readyz") == "ok";
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, () => "the server takes no connections any more");
    }

    [Fact]
    public async Task A_hundred_watches_that_nobody_reads_keep_little_of_what_they_are_told()
    {
        // Each watch would be told 1,000 times 100 kB.
        using var client = _server.NewClient(_server.Token);
        client.Timeout = Timeout.InfiniteTimeSpan;
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        var before = Memory();
        var watches = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.GetAsync($"{ConfigMaps}?watch=1", HttpCompletionOption.ResponseHeadersRead)));
        try
        {
            for (var i = 0; i < 1000; i++)
                await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", new string('x', 100_000)));
            Assert.InRange(Memory() - before, long.MinValue, Bound);
        }
        finally
        {
            foreach (var watch in watches)
                watch.Dispose();
        }
    }

    [Fact]
    public async Task A_watch_that_falls_too_far_behind_is_told_that_it_is_too_old()
    {
        using var client = _server.NewClient(_server.Token);
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        using var watch = await client.GetAsync($"{ConfigMaps}?watch=1&resourceVersion=0", HttpCompletionOption.ResponseHeadersRead);
        for (var i = 0; i < 60; i++)
            await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", $"{i}{new string('x', 1_000_000)}"));
        using var reader = new StreamReader(await watch.Content.ReadAsStreamAsync());
        var types = new List<string>();
        while (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)) is { } line)
        {
            var change = JsonNode.Parse(line)!;
            types.Add((string)change["type"]!);
            if (types[^1] == "ERROR")
                Assert.Equal((410, "Expired"), ((int)change["object"]!["code"]!, (string)change["object"]!["reason"]!));
        }
        Assert.Equal("ERROR", types[^1]);
        Assert.InRange(types.Count, 2, 59);
    }

    [Fact]
    public async Task A_hundred_lists_that_nobody_reads_take_no_memory_each()
    {
        // 30 MB, a hundred times.
        for (var i = 0; i < 60; i++)
            await _server.CreateAsync("configmaps", Objects.ConfigMap($"c{i}", new string('x', 500_000)));
        using var client = _server.NewClient(_server.Token);
        var before = Memory();
        var lists = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.GetAsync(ConfigMaps, HttpCompletionOption.ResponseHeadersRead)));
        try
        {
            Assert.InRange(Memory() - before, long.MinValue, Bound);
            var list = JsonNode.Parse(await lists[0].Content.ReadAsStringAsync())!;
            Assert.Equal(60, list["items"]!.AsArray().Count);
        }
        finally
        {
            foreach (var list in lists)
                list.Dispose();
        }
    }

    [Fact]
    public async Task Large_objects_that_change_often_do_not_stay_in_memory()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.CreateAsync("configmaps", Objects.ConfigMap("b"));
        var before = Memory();
        for (var i = 0; i < 1000; i++)
        {
            await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", $"{i}{new string('x', 900_000)}"));
            if (i % 20 == 0) // a paged list, whose state is kept for its further pages
                await _server.OkAsync("GET", $"{ConfigMaps}?limit=1");
        }
        Assert.InRange(Memory() - before, long.MinValue, Bound);
    }

    [Fact]
    public async Task Who_sends_a_body_by_the_byte_holds_up_nobody_and_is_told_in_the_end()
    {
        using var socket = await ConnectAsync();
        await using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        await tls.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {ConfigMaps} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {_server.Token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"));
        await _server.CreateAsync("configmaps", Objects.ConfigMap("meanwhile"));
        using var reader = new StreamReader(tls);
        Assert.Equal("HTTP/1.1 408 Request Timeout", await reader.ReadLineAsync());
        Assert.Contains("\"kind\":\"Status\"", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_large_bodies_at_once_are_done_or_put_off()
    {
        using var client = _server.NewClient(_server.Token);
        client.Timeout = TimeSpan.FromSeconds(120);
        var codes = await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            using var content = new StringContent(Objects.ConfigMap($"c{i}", new string('x', 1_000_000)), Encoding.UTF8, "application/json");
            using var answer = await client.PostAsync(ConfigMaps, content);
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
                Assert.Equal("1", answer.Headers.RetryAfter?.ToString());
            return (int)answer.StatusCode;
        }));
        Assert.All(codes, code => Assert.True(code is 201 or 429, $"{code}"));
        Assert.Contains(201, codes);
    }

    [Fact]
    public async Task A_selector_of_thousands_of_terms_is_answered()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a", metadata: ",\"labels\":{\"app\":\"v2999\"}"));
        var selector = Uri.EscapeDataString($"app in ({string.Join(',', Enumerable.Range(0, 3000).Select(i => $"v{i}"))}),{string.Join(',', Enumerable.Range(0, 2000).Select(i => $"!n{i}"))}");
        var list = await _server.OkAsync("GET", $"{ConfigMaps}?labelSelector={selector}");
        Assert.Equal("a", (string?)list["items"]![0]!["metadata"]!["name"]);
    }

    private static long Memory()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static int OpenFiles() => Directory.GetFiles("/proc/self/fd").Length;

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _server.Port);
        return socket;
    }

    private static async Task SendQuietlyAsync(Socket socket, byte[] bytes)
    {
        try
        {
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            await socket.ReceiveAsync(new byte[1024]);
        }
        catch (SocketException)
        {
            // The server has hung up, as it may.
        }
    }

    /// <summary>A real ClientHello, and then nobody.</summary>
    private async Task HalfHandshakeAsync()
    {
        using var socket = await ConnectAsync();
        await using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => { socket.Dispose(); return false; });
        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync("127.0.0.1"));
    }
}
