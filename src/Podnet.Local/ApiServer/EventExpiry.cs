namespace Podnet.Local.ApiServer;

/// <summary>Takes Events away an hour after they were last written, as Kubernetes does (kube-apiserver --event-ttl), or when there are too many.</summary>
/// <remarks>
/// When an object was written, its revision says: each look notes down which revision it was then. After a start of the server all
/// have a new hour.
/// </remarks>
internal sealed class EventExpiry(ResourceDefinition events, ObjectStore store, TimeProvider time)
{
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>The newest so many are kept. Arbitrary.</summary>
    public const int Most = 10_000;

    /// <summary>Arbitrary.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    /// <summary>Events that go in one write, for which others wait. Arbitrary.</summary>
    private const int AtOnce = 500;

    private readonly Queue<(DateTimeOffset Time, long Revision)> _looks = [];

    public async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(ct))
        {
            try
            {
                await LookAsync();
            }
            catch (StatusException)
            {
                // Nothing can be written just now, as everybody is told who tries; at another look they are still old.
            }
        }
    }

    public async Task LookAsync()
    {
        var now = time.GetUtcNow();
        var old = 0L;
        while (_looks.TryPeek(out var look) && look.Time <= now - Life)
            old = _looks.Dequeue().Revision;
        _looks.Enqueue((now, store.Revision));
        var newestFirst = store.Snapshot(events).Objects.Values.OrderByDescending(e => e.Revision);
        foreach (var some in newestFirst.Where((e, index) => e.Revision <= old || index >= Most).Chunk(AtOnce))
            await RemoveAsync(some);
    }

    private Task RemoveAsync(StoredObject[] gone) => store.WriteAsync(writer =>
    {
        foreach (var one in gone)
        {
            // Written again meanwhile, it is news.
            if (writer.Get(events, one.Name) is { } there && there.Revision == one.Revision)
                writer.Remove(events, there);
        }
        return true;
    });
}
