namespace Podnet.Kubernetes;

/// <summary>
/// How long to wait before the next try: a random part ("full jitter") of a ceiling that doubles from try to try up to a cap, so
/// that many clients of a server that comes back do not all come at the same moment.
/// </summary>
public sealed class BackOff(TimeSpan first, TimeSpan cap)
{
    private int _failures;

    /// <summary>How often in a row it has failed.</summary>
    public int Failures => _failures;

    public TimeSpan Next()
    {
        var ceiling = Math.Min(first.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)), cap.TotalMilliseconds);
        _failures++;
        return TimeSpan.FromMilliseconds(Math.Ceiling(Random.Shared.NextDouble() * ceiling));
    }

    public void Reset() => _failures = 0;
}
