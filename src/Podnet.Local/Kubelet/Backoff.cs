namespace Podnet.Local.Kubelet;

/// <summary>
/// How long to wait before the next try: nothing the first time, then <paramref name="first"/>, doubling up to
/// <paramref name="longest"/>; forgotten when twice the longest has passed without a failure (client-go, util/flowcontrol).
/// </summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, bool firstTryAtOnce)
{
    private TimeSpan? _wait;
    private DateTimeOffset _lastFailure;

    /// <summary>A container's restarts: 10 s to 5 min, the first at once.</summary>
    public static Backoff ForRestarts() => new(TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), firstTryAtOnce: true);

    /// <summary>An image that nobody has: 10 s to 5 min.</summary>
    public static Backoff ForImages() => new(TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), firstTryAtOnce: false);

    /// <summary>A sandbox that cannot be made, perhaps because its address is not free yet; the figures are arbitrary.</summary>
    public static Backoff ForSandboxes() => new(TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(1), firstTryAtOnce: false);

    /// <summary>How long to wait from this failure on.</summary>
    public TimeSpan Failed(DateTimeOffset now)
    {
        if (now - _lastFailure > longest * 2)
            _wait = null;
        _lastFailure = now;
        _wait = _wait switch
        {
            null when firstTryAtOnce => TimeSpan.Zero,
            null => first,
            { Ticks: 0 } => first,
            { } wait => wait * 2 < longest ? wait * 2 : longest,
        };
        return _wait.Value;
    }

    public void Reset() => _wait = null;
}
