using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Watching;

public sealed class StuckWatchTests
{
    [Fact]
    public async Task A_watch_that_outlives_its_time_is_begun_again()
    {
        await using var server = await FakeApiServer.StartAsync();
        server.Answer = _ => (200, """{"metadata":{"resourceVersion":"7"},"items":null}""");
        using var client = server.Connect();
        using var stop = new CancellationTokenSource();
        var time = new FakeTimeProvider();
        var log = new RecordingLogger();
        var informer = new Informer<V1Pod>(client, Resources.Pods, log, null, time);
        var running = informer.RunAsync(stop.Token);
        var watch = await server.NextWatchAsync();
        await watch.SendAsync("");
        time.Advance(ListWatch<V1Pod>.ShortestWatch + ListWatch<V1Pod>.Overtime - TimeSpan.FromSeconds(1));
        Assert.False(watch.Aborted.IsCancellationRequested);
        time.Advance(ListWatch<V1Pod>.ShortestWatch + TimeSpan.FromSeconds(1));
        await Poll.UntilAsync(() => watch.Aborted.IsCancellationRequested, () => "the stuck watch is still there");
        watch.End();
        var next = server.NextWatchAsync();
        await Poll.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1)); // the back-off
                return next.IsCompleted;
            },
            () => string.Join('\n', log.Lines));
        Assert.Contains("resourceVersion=7&", (await next).Target, StringComparison.Ordinal);
        Assert.Contains(log.Lines, line => line.EndsWith("stuck: not over 30 s after its time", StringComparison.Ordinal));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
