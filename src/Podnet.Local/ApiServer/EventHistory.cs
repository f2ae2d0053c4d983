namespace Podnet.Local.ApiServer;

/// <summary>
/// The last events of one resource, oldest first, in a ring: watches read from it at their own pace, so a slow one costs no
/// memory; one that falls behind by more than the ring holds has to list again.
/// </summary>
/// <param name="capacity">Events.</param>
/// <param name="began">The store's revision when the history began: a watch from before that is refused.</param>
internal sealed class EventHistory(int capacity, long began)
{
    /// <summary>Bytes of all objects in the events, about; the newest event is kept in any case. Arbitrary.</summary>
    public const long MostBytes = 32 << 20;

    /// <summary>Bytes that a watch is given at once, or one event: what it reads slowly it holds in memory. Arbitrary.</summary>
    private const long ReadAtOnce = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly WatchEvent?[] _ring = new WatchEvent?[capacity];
    private long _appended;

    /// <summary>The position of the oldest event that the ring holds.</summary>
    private long _oldest;
    private long _bytes;
    private TaskCompletionSource _more = NewSignal();

    /// <summary>The revision of the newest event that the ring no longer holds: a watch can start here or later.</summary>
    private long _forgotten = began;

    /// <summary>Whether all that happened after a revision is still known.</summary>
    public bool Covers(long revision)
    {
        lock (_gate)
            return revision >= _forgotten;
    }

    /// <param name="storeRevision">The store's revision, read while nothing is written: a position that is ahead of it is of another store.</param>
    /// <returns>The position after the last event at or before the revision; null where events after it are forgotten.</returns>
    public long? PositionAfter(long revision, long storeRevision)
    {
        lock (_gate)
        {
            if (revision < _forgotten || revision > storeRevision)
                return null;
            var (low, high) = (_oldest, _appended);
            while (low < high)
            {
                var middle = low + ((high - low) / 2);
                if (At(middle).Revision <= revision)
                    low = middle + 1;
                else
                    high = middle;
            }
            return low;
        }
    }

    /// <summary>Adds the next events from a position on, and moves it behind them.</summary>
    /// <param name="more">Completes when there is more to read.</param>
    /// <returns>False where the position is forgotten.</returns>
    public bool TryRead(ref long position, List<WatchEvent> into, out Task more)
    {
        lock (_gate)
        {
            more = _more.Task;
            if (position < _oldest)
                return false;
            for (var read = 0L; position < _appended && read < ReadAtOnce; position++)
            {
                var change = At(position);
                into.Add(change);
                read += change.Size;
            }
            if (position < _appended)
                more = Task.CompletedTask;
            return true;
        }
    }

    /// <summary>Watches are woken once for all of them.</summary>
    public void Append(IEnumerable<WatchEvent> changes)
    {
        TaskCompletionSource more;
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (_appended - _oldest == capacity)
                    ForgetOldest();
                _ring[_appended % capacity] = change;
                _appended++;
                _bytes += change.Size;
                while (_bytes > MostBytes && _appended - _oldest > 1)
                    ForgetOldest();
            }
            (more, _more) = (_more, NewSignal());
        }
        more.SetResult();
    }

    private void ForgetOldest()
    {
        var oldest = At(_oldest);
        _ring[_oldest % capacity] = null;
        (_forgotten, _bytes) = (oldest.Revision, _bytes - oldest.Size);
        _oldest++;
    }

    private WatchEvent At(long position) => _ring[position % capacity]!;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
