namespace Podnet.Local.Kubelet;

/// <summary>A container that was told to end: when, and how long it may take.</summary>
/// <param name="grace">May be shortened meanwhile.</param>
internal sealed class ContainerStop(DateTime began, Func<TimeSpan> grace)
{
    /// <summary>A program whose preStop hook took all the time there was gets this long to end (kubelet, minimumGracePeriodInSeconds).</summary>
    private static readonly TimeSpan AfterHook = TimeSpan.FromSeconds(2);

    private DateTime _asked = DateTime.MinValue;

    public TimeSpan Grace => grace();

    /// <summary>When it is killed; put off while its hook runs.</summary>
    public DateTime Deadline
    {
        get
        {
            var regular = began + grace();
            var least = _asked == DateTime.MinValue ? regular : _asked + AfterHook;
            return _asked - began > AfterHook && least > regular ? least : regular;
        }
    }

    /// <summary>The hook is over, and the program has been asked to end.</summary>
    public void Asked(DateTime now) => _asked = now;
}
