using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Podnet.Local.Kubelet;

/// <summary>Who is told what becomes of a pod. Called by the pod's worker; returns at once.</summary>
internal interface IPodObserver
{
    void StatusChanged(V1PodStatus status);

    /// <param name="container">Null for the pod as a whole.</param>
    void Happened(bool warning, string reason, string message, string? container = null);
}

/// <summary>
/// Runs one pod, from its sandbox to its end. A single loop looks at what the pod should be and what it is, does the next
/// step, and sleeps until something happens: a new version of the pod, the end of a process, a back-off that is over.
/// </summary>
internal sealed class PodRunner
{
    private readonly NodeRuntime _node;
    private readonly IPodObserver _observer;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly PodContainers _containers;
    private readonly PodVolumes _volumes;
    private readonly Backoff _sandboxes = Backoff.ForSandboxes();

    /// <summary>It was done before this worker came: what it became is known, and shown, already.</summary>
    private readonly bool _wasFinished;

    /// <summary>Those that it has or had last.</summary>
    private IReadOnlyList<string> _addresses;

    private volatile V1Pod _pod;
    private volatile bool _vanished;
    private PodSandbox? _sandbox;
    private DateTime _sandboxDue = DateTime.MinValue;
    private V1PodStatus? _shown;

    public PodRunner(V1Pod pod, NodeRuntime node, IPodObserver observer, ILogger logger)
    {
        _pod = pod;
        _node = node;
        _observer = observer;
        _logger = logger;
        _shown = pod.Status;
        _addresses = [.. (pod.Status?.PodIPs ?? []).Select(address => address.Ip)];
        _wasFinished = pod.IsFinished();
        _volumes = new PodVolumes(pod, node);
        _containers = new PodContainers(pod, node, _volumes, observer, logger, () => _wake.Release());
    }

    /// <summary>A newer version of the same pod; with a deletionTimestamp it is ended.</summary>
    public void Update(V1Pod pod)
    {
        _pod = pod;
        _wake.Release();
    }

    /// <summary>The API server no longer has it: it is ended as well.</summary>
    public void Vanished()
    {
        _vanished = true;
        _wake.Release();
    }

    /// <summary>From any thread.</summary>
    public RunningContainer? Running(string container) =>
        _containers.All.FirstOrDefault(c => c.Name == container)?.Running is { Process.Exited.IsCompleted: false } running ? running : null;

    private string? RestartPolicy => _pod.Spec.RestartPolicy;

    /// <summary>It ran longer than its activeDeadlineSeconds.</summary>
    private bool _isLate;

    private DateTime? Deadline => !_isLate && !_wasFinished && _pod.Spec.ActiveDeadlineSeconds is { } seconds
        ? _shown?.StartTime?.AddSeconds(seconds)
        : null;

    private bool IsOver => _wasFinished || _isLate || ContainerOrder.IsOver(_containers.All, RestartPolicy);

    private bool IsEnding => _vanished || _pod.Metadata.DeletionTimestamp is not null;

    /// <summary>Of the newest version of the pod: a later deletion shortens it.</summary>
    private TimeSpan Grace() => _pod.Grace();

    /// <summary>Where its hooks and probes find it.</summary>
    private string Address => _sandbox is { IsConnected: true } sandbox ? sandbox.Addresses[0] : _node.Addresses[0];

    /// <summary>Returns when the pod has ended for good and nothing of it is left on this machine.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await NoteEndsAsync(stopped: false);
                if (IsEnding)
                {
                    await EndAsync(ct);
                    return;
                }

                await StepAsync(ct);
                Show();
                await SleepAsync(NextDue(), ct);
            }
        }
        finally
        {
            if (ct.IsCancellationRequested)
                await _containers.QuietAsync();
        }
    }

    private async Task StepAsync(CancellationToken ct)
    {
        if (_sandbox is { Pause.Exited.IsCompleted: true } or { IsConnected: false })
        {
            _observer.Happened(warning: false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
            await StopContainersAsync(ct);
            await RemoveSandboxAsync();
        }

        if (!IsOver && Deadline <= DateTime.UtcNow)
        {
            _isLate = true;
            _observer.Happened(warning: false, PodStatuses.DeadlineExceeded, "Pod was active on the node longer than the specified deadline");
        }

        if (IsOver)
        {
            await StopContainersAsync(ct); // sidecars, or what runs beyond the deadline
            await RemoveSandboxAsync();
            _volumes.Remove();
            return;
        }

        if (_sandbox is null && _sandboxDue <= DateTime.UtcNow)
            await MakeSandboxAsync();
        if (_sandbox is null)
            return;
        _containers.StopUnhealthy(Grace, Address);
        await _containers.KillOverdueAsync(DateTime.UtcNow);
        await _containers.StartDueAsync(_pod, _sandbox);
        await _volumes.RefreshAsync(_pod, new PodFields(_pod, _sandbox.Addresses, _node.Addresses));
    }

    private async Task MakeSandboxAsync()
    {
        try
        {
            _sandbox = await PodSandbox.MakeAsync(_node, _pod);
            await _sandbox.ConnectAsync(_pod, _addresses);
            _addresses = _sandbox.Addresses;
            _sandboxes.Reset();
            foreach (var container in _containers.All)
                container.SandboxChanged();
            _sandbox.Pause.Exited.GetAwaiter().OnCompleted(() => _wake.Release());
        }
        catch (Exception e) when (IsOrdinary(e))
        {
            var wait = _sandboxes.Failed(DateTimeOffset.UtcNow);
            _sandboxDue = DateTime.UtcNow + wait;
            _logger.SandboxFailed(_pod.FullName(), wait, e.Message);
            _observer.Happened(warning: true, "FailedCreatePodSandBox", $"Failed to create pod sandbox: {e.Message}");
            await RemoveSandboxAsync();
        }
    }

    /// <summary>What can go wrong with one pod and is not a defect of this program.</summary>
    internal static bool IsOrdinary(Exception e) =>
        e is RuncException or CniException or IOException or TimeoutException or UnauthorizedAccessException;

    private async Task NoteEndsAsync(bool stopped)
    {
        // The containers of a lost sandbox end with it where they share its process namespace: that is no failure of theirs.
        stopped |= _sandbox is { Pause.Exited.IsCompleted: true };
        await _containers.NoteEndsAsync(_pod, stopped, Show);
    }

    /// <summary>Asks, waits for the grace period, which may be shortened meanwhile, and kills.</summary>
    private async Task StopContainersAsync(CancellationToken ct)
    {
        while (_containers.AnyRuns)
        {
            _containers.BeginStopAll(Grace, Address);
            await _containers.KillOverdueAsync(DateTime.UtcNow);
            await NoteEndsAsync(stopped: true);
            if (!_containers.AnyRuns)
                return;
            Show(); // readiness still counts: endpoints that terminate serve as long as they are ready
            if (_containers.All.Any(c => c is { Running: not null, Stop: not null }))
                await SleepAsync(_containers.NextKill().Min(), ct);
        }
    }

    private async Task EndAsync(CancellationToken ct)
    {
        await StopContainersAsync(ct);
        Show();
        await RemoveSandboxAsync();
        _volumes.Remove();
        var cgroup = _pod.Cgroup(_node.Paths);
        await Cgroups.KillAsync(cgroup);
        await Cgroups.RemoveAsync(cgroup);
        if (_pod.LogFolder(_node.Paths) is var logs && Directory.Exists(logs))
            Directory.Delete(logs, recursive: true);
    }

    private async Task RemoveSandboxAsync()
    {
        if (_sandbox is null)
            return;
        await _sandbox.RemoveAsync();
        _sandbox = null;
    }

    /// <summary>Null: only something that happens wakes it.</summary>
    private DateTime? NextDue()
    {
        if (IsOver)
            return null;
        if (_sandbox is null)
            return Deadline < _sandboxDue ? Deadline : _sandboxDue;
        DateTime?[] due = [Deadline, _containers.NextDue(RestartPolicy), _volumes.NextRefresh];
        return due.Min();
    }

    private async Task SleepAsync(DateTime? until, CancellationToken ct)
    {
        var wait = until - DateTime.UtcNow;
        if (wait <= TimeSpan.Zero)
            return;
        if (wait is null)
            await _wake.WaitAsync(ct);
        else
            await _wake.WaitAsync(wait.Value, ct);
    }

    private void Show()
    {
        if (_wasFinished)
            return;
        var addresses = _sandbox is { IsConnected: true } sandbox ? sandbox.Addresses : null;
        _shown = new PodStatuses(_pod, _containers.All, addresses, DateTime.UtcNow, _isLate).Build(_node.Addresses, _shown);
        _observer.StatusChanged(_shown);
    }
}
