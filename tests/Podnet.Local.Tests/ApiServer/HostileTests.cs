using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Clients that are broken, greedy or slow: a clear answer to them, and the same answers as ever to all others.</summary>
public sealed class HostileTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_thousand_idle_watches_all_hear_of_a_change()
    {
        const int count = 1000;
        using var client = _server.NewClient(_server.Token);
        client.DefaultRequestVersion = HttpVersion.Version20;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        client.Timeout = Timeout.InfiniteTimeSpan;
        var from = (await _server.OkAsync("GET", ConfigMaps))["metadata"]!["resourceVersion"]!.GetValue<string>();
        var watches = await Task.WhenAll(Enumerable.Range(0, count).Select(_ =>
            client.GetAsync($"{ConfigMaps}?watch=true&resourceVersion={from}", HttpCompletionOption.ResponseHeadersRead)));
        try
        {
            await _server.CreateAsync("configmaps", """{"metadata": {"name": "news"}}""");
            var heard = await Task.WhenAll(watches.Select(FirstLineAsync));
            Assert.All(heard, line => Assert.Equal("news", JsonNode.Parse(line)!["object"]!["metadata"]!["name"]!.GetValue<string>()));
        }
        finally
        {
            foreach (var watch in watches)
                watch.Dispose();
        }
    }

    [Fact]
    public async Task A_hundred_thousand_labels_are_kept_as_they_are()
    {
        var labels = new JsonObject();
        for (var i = 0; i < 100_000; i++)
            labels[$"l{i}"] = "x";
        var body = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "many", ["labels"] = labels } };
        await _server.CreateAsync("configmaps", body.ToJsonString());
        Assert.Equal("many", (await _server.OkAsync("GET", $"{ConfigMaps}?labelSelector=l99999%3Dx"))["items"]![0]!["metadata"]!["name"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("configmaps", "data", "x")]
    [InlineData("secrets", "stringData", "x")]
    public async Task More_than_a_mebibyte_of_settings_is_refused(string plural, string part, string key)
    {
        var body = new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "big" },
            [part] = new JsonObject { [key] = new string('x', 2 * 1024 * 1024) },
        };
        var (code, answer) = await _server.SendAsync("POST", $"/api/v1/namespaces/default/{plural}", body.ToJsonString());
        Assert.Equal(422, code);
        Assert.Contains("Too long: may not be more than 1048576 bytes", answer["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("k8s\0")]
    [InlineData("k8s\0\u0012\u007f")]
    [InlineData("k8s\0\u0012\u0003\u000a\u0001\u000a")]
    [InlineData("k8s\0\u0007\u0001")]
    [InlineData("nonsense")]
    public async Task Broken_protobuf_is_a_bad_request(string text)
    {
        using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(text));
        content.Headers.ContentType = new("application/vnd.kubernetes.protobuf");
        using var answer = await _server.Client.PostAsync(ConfigMaps, content);
        Assert.True(answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity, $"{answer.StatusCode}");
    }

    [Fact]
    public async Task Random_protobuf_never_breaks_the_server()
    {
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var bytes = new byte[random.Next(1, 200)];
            random.NextBytes(bytes);
            using var content = new ByteArrayContent([.. "k8s\0"u8, 0x12, (byte)Math.Min(127, bytes.Length), .. bytes]);
            content.Headers.ContentType = new("application/vnd.kubernetes.protobuf");
            using var answer = await _server.Client.PostAsync("/api/v1/namespaces/default/pods", content);
            Assert.InRange((int)answer.StatusCode, 201, 499);
        }
    }

    [Fact]
    public async Task Who_connects_and_says_nothing_or_nonsense_keeps_nobody_waiting()
    {
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, _server.Port);
                silent.Add(socket);
                if (i % 2 == 0)
                    await socket.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
            }
            Assert.Equal("Namespace", (await _server.OkAsync("GET", "/api/v1/namespaces/default"))["kind"]!.GetValue<string>());
        }
        finally
        {
            foreach (var socket in silent)
                socket.Dispose();
        }
    }

    private static async Task<string> FirstLineAsync(HttpResponseMessage watch)
    {
        using var reader = new StreamReader(await watch.Content.ReadAsStreamAsync());
        return await reader.ReadLineAsync() ?? "";
    }
}
