using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>
/// Keys to reconcile. A key is worked on by one worker at a time; added meanwhile, it is worked on once more after that. What
/// fails is tried again, later and later.
/// </summary>
/// <param name="reconcile">Returns when to come back though nothing changed; null for never.</param>
internal sealed class WorkQueue<TKey>(
    string controller, Func<TKey, CancellationToken, Task<TimeSpan?>> reconcile, int workers, TimeProvider time, ILogger logger)
    where TKey : notnull
{
    /// <summary>client-go's per-item limits are 5 ms to 1000 s; a local cluster should not keep its user waiting so long.</summary>
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(10), LastRetry = TimeSpan.FromSeconds(15);

    private readonly Channel<TKey> _ready = Channel.CreateUnbounded<TKey>();
    private readonly Lock _lock = new();
    private readonly HashSet<TKey> _waiting = [], _running = [];
    private readonly Dictionary<TKey, BackOff> _failures = [];
    private readonly Dictionary<TKey, DateTimeOffset> _due = [];

    public void Add(TKey key)
    {
        lock (_lock)
        {
            if (!_waiting.Add(key) || _running.Contains(key)) return;
        }
        _ready.Writer.TryWrite(key);
    }

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(Enumerable.Range(0, workers).Select(_ => WorkAsync(ct)));

    private async Task WorkAsync(CancellationToken ct)
    {
        await foreach (var key in _ready.Reader.ReadAllAsync(ct))
        {
            lock (_lock)
            {
                _waiting.Remove(key);
                _running.Add(key);
            }
            var again = await TryAsync(key, ct);
            lock (_lock)
            {
                _running.Remove(key);
                if (_waiting.Contains(key)) _ready.Writer.TryWrite(key);
            }
            if (again is { } delay) AddLater(key, delay, ct);
        }
    }

    private async Task<TimeSpan?> TryAsync(TKey key, CancellationToken ct)
    {
        try
        {
            var again = await reconcile(key, ct);
            lock (_lock) _failures.Remove(key);
            return again;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        // One object that nobody thought of must not stop all the others: it is said, and tried again.
        catch (Exception e)
        {
            TimeSpan delay;
            lock (_lock)
            {
                if (!_failures.TryGetValue(key, out var backOff)) _failures[key] = backOff = new BackOff(FirstRetry, LastRetry);
                delay = backOff.Next();
            }
            if (e is ApiException { IsConflict: true }) logger.Conflict(controller, key.ToString(), e.Message);
            else if (e is ApiException) logger.Refused(controller, key.ToString(), delay, e.Message);
            else logger.Failed(controller, key.ToString(), delay, e);
            return delay;
        }
    }

    /// <summary>Of several moments, the soonest counts: when it comes, the reconcile says anew when to come back.</summary>
    private void AddLater(TKey key, TimeSpan delay, CancellationToken ct)
    {
        var due = time.GetUtcNow() + delay;
        lock (_lock)
        {
            if (_due.TryGetValue(key, out var sooner) && sooner <= due) return;
            _due[key] = due;
        }
        _ = WaitAsync();

        async Task WaitAsync()
        {
            await Task.Delay(delay, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ct.IsCancellationRequested) return;
            lock (_lock)
            {
                if (_due.TryGetValue(key, out var current) && current == due) _due.Remove(key);
            }
            Add(key);
        }
    }
}
