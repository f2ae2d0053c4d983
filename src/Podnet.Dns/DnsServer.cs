using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Dns;
using Podnet.Kubernetes;

namespace Podnet.Dns;

/// <summary>
/// A cluster's DNS server: what the API server says of Services, EndpointSlices and Namespaces → answers. It goes on answering, by what it
/// knew last, while the API server is away.
/// </summary>
public sealed class DnsServer
{
    private readonly ApiClient _client;
    private readonly ILogger _logger;
    private readonly Zone _zone;
    private readonly DnsMetrics _metrics = new();
    private readonly QueryHandler _handler;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="client">Stays the caller's.</param>
    public DnsServer(DnsOptions options, ApiClient client, ILogger logger)
    {
        (_client, _logger) = (client, logger);
        _zone = new Zone(options.Domain);
        var forwarder = options.Upstreams.IsEmpty ? null : new Forwarder(options.Upstreams, logger, TimeProvider.System);
        _handler = new QueryHandler(_zone, forwarder, _metrics, logger);
    }

    /// <summary>All names are known.</summary>
    public bool IsSynced => _handler.Synced;

    /// <summary>Done when they are.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Prometheus' text format.</summary>
    public string Metrics() => _metrics.Print(_zone.Count);

    /// <summary>Answers until cancelled, and says on the log what it does.</summary>
    /// <param name="listeners">They are closed at the end.</param>
    public async Task RunAsync(IReadOnlyCollection<DnsListener> listeners, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var names = new ZoneBuilder(_zone, _logger);
        var namespaces = new ListWatch<V1Namespace>(_client, Resources.Namespaces, names.Namespaces, _logger);
        var services = new ListWatch<V1Service>(_client, Resources.Services, names.Services, _logger);
        var slices = new ListWatch<V1EndpointSlice>(_client, Resources.EndpointSlices, names.EndpointSlices, _logger);
        List<Task> tasks = [namespaces.RunAsync(stop.Token), services.RunAsync(stop.Token), slices.RunAsync(stop.Token), SyncAsync()];
        foreach (var listener in listeners)
        {
            _logger.Listening(_zone.Domain.ToString(), listener.Address);
            tasks.Add(new UdpService(listener.Udp, _handler).RunAsync(stop.Token));
            tasks.Add(new TcpService(listener.Tcp, _handler, _logger).RunAsync(stop.Token));
        }
        var first = await Task.WhenAny(tasks);
        await stop.CancelAsync();
        await Task.WhenAll(tasks).ContinueWith(static _ => { }, TaskScheduler.Default);
        foreach (var listener in listeners)
            listener.Dispose();
        if (first.IsFaulted)
            await first;

        async Task SyncAsync()
        {
            await Task.WhenAll(namespaces.Synced, services.Synced, slices.Synced).WaitAsync(stop.Token);
            _handler.Synced = true;
            _logger.Synced(_zone.Count);
            _synced.TrySetResult();
            await Task.Delay(Timeout.Infinite, stop.Token);
        }
    }
}
