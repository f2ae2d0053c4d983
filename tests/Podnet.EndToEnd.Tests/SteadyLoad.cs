using System.Net;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>Requests one after the other, each over a connection of its own, until it is ended.</summary>
internal sealed class SteadyLoad(NetworkNamespace from, string to) : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly List<string> _failures = [];
    private int _sent;
    private Task? _running;

    internal static SteadyLoad Start(NetworkNamespace from, string to)
    {
        var load = new SteadyLoad(from, to);
        load._running = Task.Factory.StartNew(load.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        load.Go();
        return load;
    }

    /// <summary>Waits until a good many more requests have been sent.</summary>
    internal void Go()
    {
        var until = Volatile.Read(ref _sent) + 100;
        Poll.Until(() => Volatile.Read(ref _sent) >= until, () => "the load does not go on");
    }

    /// <summary>What went wrong: each failure, with the number of the request.</summary>
    internal async Task<IReadOnlyList<string>> EndAsync()
    {
        await DisposeAsync();
        return _failures;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running!;
    }

    private void Run()
    {
        var target = IPEndPoint.Parse(to);
        while (!_end.IsCancellationRequested)
        {
            if (Requests.Send(from, target, 1, "/?load") is { Failed: > 0, First: var why })
                _failures.Add($"request {_sent}: {why}");
            Interlocked.Increment(ref _sent);
        }
    }
}
