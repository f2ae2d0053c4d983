using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Podnet.Kubernetes.Tests.Watching;

/// <summary>A server that does what the test says: each list is answered at once, each watch is handed to the test.</summary>
internal sealed class FakeApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<FakeWatch> _watches = Channel.CreateUnbounded<FakeWatch>();

    private FakeApiServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>What a list (or any other request) is answered with.</summary>
    public Func<HttpRequest, (int Code, string Json)> Answer { get; set; } = static _ => (500, "{}");

    public static async Task<FakeApiServer> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        var app = builder.Build();
        var server = new FakeApiServer(app);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public ApiClient Connect() => new(Address, new SocketsHttpHandler(), "secret");

    /// <summary>The next watch that a client begins.</summary>
    public async Task<FakeWatch> NextWatchAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _watches.Reader.ReadAsync(deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.FromMilliseconds(1));
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var target = context.Request.Path + Uri.UnescapeDataString(context.Request.QueryString.ToString());
        Requests.Enqueue($"{context.Request.Method} {target}");
        if (context.Request.Query["watch"] == "1")
        {
            var watch = new FakeWatch(context, target);
            _watches.Writer.TryWrite(watch);
            await watch.Ended;
            return;
        }
        context.Request.EnableBuffering();
        await context.Request.Body.DrainAsync(context.RequestAborted);
        context.Request.Body.Position = 0;
        var (code, json) = Answer(context.Request);
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(json);
    }
}

internal sealed class FakeWatch(HttpContext context, string target)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Target { get; } = target;

    public Task Ended => _ended.Task;

    /// <summary>The client has gone away.</summary>
    public CancellationToken Aborted => context.RequestAborted;

    public async Task SendAsync(params string[] lines)
    {
        foreach (var line in lines)
            await SendRawAsync(line + "\n");
    }

    public async Task SendRawAsync(string text)
    {
        await context.Response.WriteAsync(text);
        await context.Response.Body.FlushAsync();
    }

    /// <summary>The end that the server meant.</summary>
    public void End() => _ended.TrySetResult();

    public void Refuse(int code)
    {
        context.Response.StatusCode = code;
        End();
    }

    /// <summary>The connection breaks.</summary>
    public void Drop()
    {
        context.Abort();
        End();
    }
}
