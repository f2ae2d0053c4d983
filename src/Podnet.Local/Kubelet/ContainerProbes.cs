using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Asks one running container again and again how it is. Until the startup probe has succeeded the others wait; one that has
/// failed for good (startup, liveness) is the end of the container, and the asking ends with it.
/// </summary>
/// <param name="ask">Runs a probe once.</param>
/// <param name="changed">Something that this shows is different now.</param>
/// <param name="unhealthy">Gets the name of the probe ("Liveness") and why a run failed.</param>
internal sealed class ContainerProbes(V1Container container, Func<V1Probe, CancellationToken, Task<ProbeOutcome>> ask, Action changed, Action<string, string> unhealthy)
    : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ProbeCount? _readiness = container.ReadinessProbe is { } probe ? new(probe, initially: false) : null;
    private volatile bool _started = container.StartupProbe is null;
    private volatile string? _failed;

    public bool IsStarted => _started;

    public bool IsReady => _started && _readiness is null or { Result: true };

    /// <summary>"liveness" or "startup": the probe that wants the container to be restarted.</summary>
    public string? Failed => _failed;

    /// <summary>How long the container then has to end; null is the pod's own.</summary>
    public TimeSpan? Grace =>
        (_failed == "startup" ? container.StartupProbe : container.LivenessProbe)?.TerminationGracePeriodSeconds is { } seconds
            ? TimeSpan.FromSeconds(Math.Max(1, seconds))
            : null;

    public void Start() => Running = RunAsync();

    /// <summary>Ends after <see cref="Dispose"/>, when nothing is asked any more.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>No run that goes on now counts any more.</summary>
    public void Dispose() => _stop.Cancel();

    private async Task RunAsync()
    {
        var began = DateTime.UtcNow;
        try
        {
            if (container.StartupProbe is { } startup)
            {
                var count = new ProbeCount(startup, initially: false);
                await LoopAsync("Startup", startup, count, began, until: () => count.IsDecided);
                if (!count.Result)
                {
                    End("startup");
                    return;
                }

                _started = true;
                changed();
            }

            await Task.WhenAll(ReadinessAsync(began), LivenessAsync(began));
        }
        catch (OperationCanceledException)
        {
            // The container has ended.
        }
    }

    private async Task ReadinessAsync(DateTime began)
    {
        if (container.ReadinessProbe is { } probe)
            await LoopAsync("Readiness", probe, _readiness!, began, until: () => false);
    }

    private async Task LivenessAsync(DateTime began)
    {
        if (container.LivenessProbe is not { } probe)
            return;
        var count = new ProbeCount(probe, initially: true);
        await LoopAsync("Liveness", probe, count, began, until: () => !count.Result);
        End("liveness");
    }

    private void End(string probe)
    {
        _failed = probe;
        changed();
    }

    private async Task LoopAsync(string name, V1Probe probe, ProbeCount count, DateTime began, Func<bool> until)
    {
        var delay = began + TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0) - DateTime.UtcNow;
        if (delay > TimeSpan.Zero)
            await Task.Delay(delay, _stop.Token);
        using var period = new PeriodicTimer(TimeSpan.FromSeconds(Math.Max(1, probe.PeriodSeconds ?? 10)));
        while (true)
        {
            var outcome = await AskAsync(probe);
            _stop.Token.ThrowIfCancellationRequested();
            if (!outcome.Succeeded)
                unhealthy(name, outcome.Output);
            if (count.Add(outcome.Succeeded))
                changed();
            if (until())
                return;
            await period.WaitForNextTickAsync(_stop.Token);
        }
    }

    private async Task<ProbeOutcome> AskAsync(V1Probe probe)
    {
        try
        {
            return await ask(probe, _stop.Token);
        }
        catch (Exception e) when (e is ContainerConfigException or IOException)
        {
            return new ProbeOutcome(false, e.Message);
        }
    }
}
