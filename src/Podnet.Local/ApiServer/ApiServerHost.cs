using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Podnet.Local.ApiServer;

/// <summary>What an API server is made of.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Bound, not yet listening, in whatever network namespace; the server owns them from here on.</summary>
    public required IReadOnlyList<Socket> Listeners { get; init; }

    /// <summary>The administrator's bearer token.</summary>
    public required string Token { get; init; }

    public required ServingCertificate Certificate { get; init; }

    /// <summary>Signs the tokens of service accounts, on the curve P-256. Without one given they end with the process.</summary>
    public ECDsa TokenKey { get; init; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>One, or one of each family, the primary first.</summary>
    public required IReadOnlyList<IPNetwork> ServiceCidrs { get; init; }

    /// <summary>The way to what pods print and run; null where there are no nodes.</summary>
    public IPodAccess? Pods { get; init; }

    public ILoggerFactory Logging { get; init; } = NullLoggerFactory.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>256 random bits, in hexadecimal.</summary>
    public static string NewToken() => RandomNumberGenerator.GetHexString(64, lowercase: true);
}

/// <summary>
/// A Kubernetes API server over TLS. Of ASP.NET Core only Kestrel is there, without hosting, routing and
/// configuration: a local cluster's start waits for it.
/// </summary>
public sealed class ApiServerHost : IAsyncDisposable
{
    /// <summary>Bytes of a URL.</summary>
    private const int LongestLine = 64 * 1024;

    internal const int MostConnections = 4096;

    private readonly WebApplication _services;
    private readonly CancellationTokenSource _stopping = new();
    private Task _expiry = Task.CompletedTask;

    private ApiServerHost(WebApplication services) => _services = services;

    private IServer Server => _services.Services.GetRequiredService<IServer>();

    /// <param name="store">Stays the caller's, to be closed after the server.</param>
    public static async Task<ApiServerHost> StartAsync(ApiServerOptions options, ObjectStore store, CancellationToken cancellation = default)
    {
        var host = new ApiServerHost(Services(options));
        try
        {
            var table = new ResourceTable(options.ServiceCidrs);
            var registry = new ObjectRegistry(table, store, options.Time);
            await registry.CreateMissingAsync();
            var tokens = new ServiceAccountTokens(options.TokenKey, table, store, options.Time);
            var handler = new ApiHandler(
                table, store, registry, new Authenticator(options.Token, tokens), new TokenRequests(table, store, tokens), options.Pods, options.Time,
                options.Logging.CreateLogger<ApiServerHost>(), host._stopping.Token);
            await host.Server.StartAsync(new Application(handler), cancellation);
            host._expiry = new EventExpiry(table.Find("", "v1", "events")!, store, options.Time).RunAsync(host._stopping.Token);
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
        return host;
    }

    /// <summary>Ends watches, lets other requests finish for a moment, and closes the listeners.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Server.StopAsync(patience.Token);
        await _expiry.ContinueWith(static _ => { }, TaskScheduler.Default);
        await _services.DisposeAsync();
        _stopping.Dispose();
    }

    /// <summary>Kestrel's parts, which only its own builder can make; the application around it is never run.</summary>
    private static WebApplication Services(ApiServerOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton<ILoggerFactory>(new KestrelLoggers(options.Logging));
        var sockets = new Queue<Socket>(options.Listeners);
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = _ => sockets.Dequeue());
        builder.Services.Configure<KestrelServerOptions>(kestrel => Configure(kestrel, options));
        return builder.Build();
    }

    private static void Configure(KestrelServerOptions kestrel, ApiServerOptions options)
    {
        kestrel.AddServerHeader = false;
        // Ours is RequestBody.Limit: where Kestrel enforces one, it hangs up on a client that is still sending, and the answer is lost.
        kestrel.Limits.MaxRequestBodySize = null;
        // Each may hold some 50 KiB and a file descriptor; beyond it, who comes is hung up on. Arbitrary.
        kestrel.Limits.MaxConcurrentConnections = MostConnections;
        // Room for selectors of thousands of terms, and for what people exec. Go's server takes 1 MiB, which is for everybody who can connect. Arbitrary.
        kestrel.Limits.MaxRequestLineSize = LongestLine;
        kestrel.Limits.MaxRequestHeadersTotalSize = 2 * LongestLine;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = LongestLine;
        // Warnings name what clients wrote.
        kestrel.ResponseHeaderEncodingSelector = static _ => System.Text.Encoding.UTF8;
        // Every watch of a client is a stream of its one connection.
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        foreach (var listener in options.Listeners)
        {
            var at = listener.LocalEndPoint ?? throw new ArgumentException("a listener is not bound", nameof(options));
            kestrel.Listen(at, l => l.UseHttps(options.Certificate.Server));
        }
    }

    private sealed class Application(ApiHandler handler) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => handler.HandleAsync(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }
    }
}
