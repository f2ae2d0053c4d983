namespace Podnet.Local.ApiServer;

/// <summary>
/// The last events of one resource, oldest first, in a ring: watches read from it at their own pace, so a slow one costs no
/// memory; one that falls behind by more than the ring holds has to list again.
/// </summary>
/// <param name="began">The store's revision when the history began: a watch from before that is refused.</param>
internal sealed class EventHistory(int capacity, long began)
{
    private readonly Lock _gate = new();
    private readonly WatchEvent[] _ring = new WatchEvent[capacity];
    private long _appended;
    private TaskCompletionSource _more = NewSignal();

    /// <summary>The revision of the newest event that the ring no longer holds: a watch can start here or later.</summary>
    private long _forgotten = began;

    /// <param name="storeRevision">The store's revision, read while nothing is written: a position that is ahead of it is of another store.</param>
    /// <returns>The position after the last event at or before the revision; null where events after it are forgotten.</returns>
    public long? PositionAfter(long revision, long storeRevision)
    {
        lock (_gate)
        {
            if (revision < _forgotten || revision > storeRevision)
                return null;
            var (low, high) = (Oldest, _appended);
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

    /// <summary>Adds the events from a position on, and moves it behind them.</summary>
    /// <param name="more">Completes when there is more to read.</param>
    /// <returns>False where the position is forgotten.</returns>
    public bool TryRead(ref long position, List<WatchEvent> into, out Task more)
    {
        lock (_gate)
        {
            more = _more.Task;
            if (position < Oldest)
                return false;
            for (; position < _appended; position++)
                into.Add(At(position));
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
                ref var slot = ref _ring[_appended % capacity];
                if (_appended >= capacity)
                    _forgotten = slot.Revision;
                slot = change;
                _appended++;
            }
            (more, _more) = (_more, NewSignal());
        }
        more.SetResult();
    }

    private long Oldest => Math.Max(0, _appended - capacity);

    private WatchEvent At(long position) => _ring[position % capacity];

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
