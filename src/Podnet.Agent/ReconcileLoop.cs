using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Agent;

/// <summary>How often the loop does what.</summary>
internal sealed record LoopTiming
{
    public TimeSpan SyncPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Between two looks at whether somebody flushed what is ours.</summary>
    public TimeSpan CheckPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After writing, at least so long until the next write; or as long as the writing took, so that it never takes more than half of the time.</summary>
    public TimeSpan ShortestPause { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>kube-proxy's minSyncPeriod.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(30);

    public static LoopTiming For(AgentOptions options)
    {
        var timing = new LoopTiming { SyncPeriod = options.SyncPeriod };
        return options.MinSyncPeriod is { } pause ? timing with { ShortestPause = pause, LongestPause = pause } : timing;
    }
}

/// <summary>
/// The one thread that writes to the kernel. The first change goes at once, those of a burst together; a part that fails is tried
/// again with back-off while the others go on; what somebody else undid is put back. When it is stopped, everything stays.
/// </summary>
internal sealed class ReconcileLoop(IReadOnlyList<IDataplanePart> parts, LoopTiming timing, ILogger logger)
{
    private readonly Work[] _work = [.. parts.Select(part => new Work(part, new BackOff(timing.FirstRetry, timing.LongestRetry)))];
    private readonly object _gate = new();
    private ClusterState? _wanted;
    private ClusterChanges _changes = ClusterChanges.None; // Of what is wanted since the loop last looked.
    private bool _fresh;
    private bool _look;

    /// <summary>After each round in which all parts were as this state wants them. On the loop's thread.</summary>
    public Action<ClusterState>? Applied { get; set; }

    public ILoopObserver? Observer { get; init; }

    /// <summary>From any thread, one state after the other; never waits for the kernel.</summary>
    /// <param name="changes">What may be another than in the state that was wanted before.</param>
    public void Want(ClusterState state, ClusterChanges changes)
    {
        Observer?.Queued();
        lock (_gate)
        {
            _wanted = state;
            _changes = _changes.Merge(changes);
            _fresh = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Look for damage now, not only when it is time to: from any thread.</summary>
    public void Look()
    {
        lock (_gate)
        {
            _look = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Works until cancelled, on a thread of its own: namespaces and sockets belong to threads.</summary>
    public Task RunAsync(CancellationToken ct)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                using var wake = ct.Register(Wake);
                Run(ct);
                ended.SetResult();
            }
            catch (Exception e)
            {
                ended.SetException(e);
            }
        })
        {
            Name = "dataplane",
            IsBackground = true,
        };
        thread.Start();
        return ended.Task;
    }

    private void Run(CancellationToken ct)
    {
        ClusterState? state = null;
        var notBefore = 0L;
        var check = After(timing.CheckPeriod);
        var sync = After(timing.SyncPeriod);
        while (WaitForWork(ref state, notBefore, Math.Min(check, sync), ct))
        {
            if (Passed(sync))
            {
                sync = After(timing.SyncPeriod);
                foreach (var work in _work)
                    work.WantReadBack();
            }
            else if (Passed(check) || TakeLook())
            {
                LookForDamage();
                Observer?.Checked(parts);
            }
            if (Passed(check))
                check = After(timing.CheckPeriod);
            notBefore = Round(state!, ct);
        }
    }

    /// <summary>
    /// Sleeps until there is a new state, or something is due. False when cancelled. Nothing is due before the first state.
    /// </summary>
    private bool WaitForWork(ref ClusterState? state, long notBefore, long periodic, CancellationToken ct)
    {
        lock (_gate)
        {
            while (!ct.IsCancellationRequested)
            {
                if (_fresh && Passed(notBefore))
                {
                    state = _wanted;
                    foreach (var work in _work)
                        work.Want(_changes);
                    (_changes, _fresh) = (ClusterChanges.None, false);
                    Observer?.Taken(state!);
                    return true;
                }
                var due = _fresh ? Math.Min(notBefore, periodic) : periodic;
                foreach (var work in _work)
                    due = work.Pending ? Math.Min(due, work.NotBefore) : due;
                if (state is null && !_fresh)
                    Monitor.Wait(_gate);
                else if (state is not null && (_look || Passed(due)))
                    return true;
                else
                    Monitor.Wait(_gate, Left(due));
            }
            return false;
        }
    }

    private bool TakeLook()
    {
        lock (_gate)
            return (_look, _look = false).Item1;
    }

    /// <returns>When the next change may be written.</returns>
    private long Round(ClusterState state, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var busy = false;
        foreach (var work in _work.Where(work => work.Pending && Passed(work.NotBefore)))
        {
            if (ct.IsCancellationRequested)
                return began;
            busy = true;
            Apply(work, state);
        }
        if (!busy)
            return began;
        if (Array.TrueForAll(_work, work => !work.Pending))
            Applied?.Invoke(state);
        var took = Stopwatch.GetElapsedTime(began);
        return After(took < timing.ShortestPause ? timing.ShortestPause : took > timing.LongestPause ? timing.LongestPause : took);
    }

    private void Apply(Work work, ClusterState state)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            if (work.Part.Apply(state, work.Changes, work.ReadBack) is { } done)
            {
                logger.PartApplied(work.Part.Name, done);
                // Nothing else was wanted than last time, so somebody else did it.
                if (work.Changes.IsNone)
                    Observer?.Drifted(work.Part, repaired: true);
            }
            Observer?.Applied(work.Part, Stopwatch.GetElapsedTime(began), work.ReadBack);
            if (work.BackOff.Failures > 0)
                logger.PartRecovered(work.Part.Name, work.BackOff.Failures);
            work.Done();
        }
        // Whatever it is, the other parts must go on: it is said, and tried again.
        catch (Exception e)
        {
            var delay = work.BackOff.Next();
            work.Failed(After(delay));
            Observer?.Failed(work.Part);
            logger.PartFailed(work.Part.Name, delay, e is IOException ? e.Message : e.ToString());
        }
    }

    private void LookForDamage()
    {
        foreach (var work in _work.Where(work => !work.Pending))
        {
            try
            {
                if (work.Part.Repair() is { } done)
                {
                    logger.PartRepaired(work.Part.Name, done);
                    Observer?.Drifted(work.Part, repaired: true);
                }
            }
            catch (IOException e)
            {
                logger.RepairFailed(work.Part.Name, e.Message);
                Observer?.Drifted(work.Part, repaired: false);
                work.WantReadBack();
            }
        }
    }

    private void Wake()
    {
        lock (_gate)
            Monitor.Pulse(_gate);
    }

    private static long After(TimeSpan delay) => Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);

    private static bool Passed(long moment) => Stopwatch.GetTimestamp() >= moment;

    private static TimeSpan Left(long moment)
    {
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), moment);
        // Rounded up: a wait of less than a millisecond would be none, and the loop would spin.
        return left <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
    }

    /// <summary>A part, and what is to be done with it.</summary>
    private sealed class Work(IDataplanePart part, BackOff backOff)
    {
        public IDataplanePart Part { get; } = part;

        public BackOff BackOff { get; } = backOff;

        public bool Pending { get; private set; }

        public bool ReadBack { get; private set; } = true; // Nothing is known about what an earlier agent left.

        public long NotBefore { get; private set; }

        /// <summary>Since it last succeeded.</summary>
        public ClusterChanges Changes { get; private set; } = ClusterChanges.Everything;

        public void Want(ClusterChanges changes)
        {
            Pending = true;
            Changes = Changes.Merge(changes);
        }

        public void WantReadBack() => (Pending, ReadBack) = (true, true);

        public void Done()
        {
            (Pending, ReadBack, NotBefore) = (false, false, 0);
            Changes = ClusterChanges.None;
            BackOff.Reset();
        }

        public void Failed(long retryAt) => (Pending, ReadBack, NotBefore) = (true, true, retryAt);
    }
}
