using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class WorkQueueTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static WorkQueue<string> Queue(Func<string, Task<TimeSpan?>> reconcile, int workers = 4) =>
        new("test", (key, _) => reconcile(key), workers, TimeProvider.System, NullLogger.Instance);

    [Fact]
    public async Task A_key_added_while_it_is_worked_on_is_worked_on_once_more_and_never_twice_at_a_time()
    {
        using var stop = new CancellationTokenSource();
        var (running, rounds, atOnce) = (0, 0, 0);
        var (begun, go, done) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        var queue = Queue(async _ =>
        {
            atOnce = Math.Max(atOnce, Interlocked.Increment(ref running));
            begun.TrySetResult();
            await go.Task;
            Interlocked.Decrement(ref running);
            if (Interlocked.Increment(ref rounds) == 2) done.TrySetResult();
            return null;
        });
        var run = queue.RunAsync(stop.Token);
        queue.Add("a");
        await begun.Task.WaitAsync(Patience);
        for (var i = 0; i < 10; i++) queue.Add("a");
        go.SetResult();
        await done.Task.WaitAsync(Patience);
        Assert.Equal((2, 1), (rounds, atOnce));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task What_fails_is_tried_again_and_the_others_go_on()
    {
        using var stop = new CancellationTokenSource();
        var tries = new ConcurrentDictionary<string, int>();
        var done = new TaskCompletionSource();
        var queue = Queue(key =>
        {
            if (tries.AddOrUpdate(key, 1, (_, n) => n + 1) < 4 && key == "bad") throw new InvalidOperationException("not yet");
            if (tries is { Count: 2 } && tries["bad"] == 4) done.TrySetResult();
            return Task.FromResult<TimeSpan?>(null);
        }, workers: 1);
        var run = queue.RunAsync(stop.Token);
        queue.Add("bad");
        queue.Add("good");
        await done.Task.WaitAsync(Patience);
        Assert.Equal((4, 1), (tries["bad"], tries["good"]));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task A_key_comes_back_when_it_asked_to()
    {
        using var stop = new CancellationTokenSource();
        var (rounds, done) = (0, new TaskCompletionSource());
        var queue = Queue(_ =>
        {
            if (++rounds == 3) done.SetResult();
            return Task.FromResult<TimeSpan?>(rounds < 3 ? TimeSpan.FromMilliseconds(1) : null);
        });
        var run = queue.RunAsync(stop.Token);
        queue.Add("a");
        await done.Task.WaitAsync(Patience);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }
}
