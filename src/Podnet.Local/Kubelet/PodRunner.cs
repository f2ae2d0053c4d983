using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Linux;

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
    private readonly ContainerLauncher _launcher;
    private readonly IPodObserver _observer;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly List<PodContainer> _containers;
    private readonly Backoff _sandboxes = Backoff.ForSandboxes();

    /// <summary>It was done before this worker came: what it became is known, and shown, already.</summary>
    private readonly bool _wasFinished;

    private volatile V1Pod _pod;
    private volatile bool _vanished;
    private PodSandbox? _sandbox;
    private DateTime _sandboxDue = DateTime.MinValue;
    private V1PodStatus? _shown;

    public PodRunner(V1Pod pod, NodeRuntime node, IPodObserver observer, ILogger logger)
    {
        _pod = pod;
        _node = node;
        _launcher = new ContainerLauncher(node);
        _observer = observer;
        _logger = logger;
        _shown = pod.Status;
        _wasFinished = pod.IsFinished();
        _containers = [.. pod.Spec.Containers.Select(spec => new PodContainer(spec))];
        foreach (var container in _containers)
        {
            if (pod.Status?.ContainerStatuses?.FirstOrDefault(s => s.Name == container.Name) is { } status)
                container.Resume(status);
        }
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

    private string? RestartPolicy => _pod.Spec.RestartPolicy;

    /// <summary>Every container ran to its end, and none is to run again.</summary>
    private bool IsOver =>
        _wasFinished || _containers.All(c => c is { Running: null, Ended: not null } && !c.MayStart(RestartPolicy));

    private bool IsEnding => _vanished || _pod.Metadata.DeletionTimestamp is not null;

    /// <summary>Returns when the pod has ended for good and nothing of it is left on this machine.</summary>
    public async Task RunAsync(CancellationToken ct)
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

    private async Task StepAsync(CancellationToken ct)
    {
        if (_sandbox is { Pause.Exited.IsCompleted: true } or { IsConnected: false })
        {
            _observer.Happened(warning: false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
            await StopContainersAsync(ct);
            await RemoveSandboxAsync();
        }

        if (IsOver)
        {
            await RemoveSandboxAsync();
            return;
        }

        if (_sandbox is null && _sandboxDue <= DateTime.UtcNow)
            await MakeSandboxAsync();
        if (_sandbox is null)
            return;
        var now = DateTime.UtcNow;
        await Task.WhenAll(_containers
            .Where(c => c.Running is null && c.MayStart(RestartPolicy) && c.Due <= now)
            .Select(StartAsync));
    }

    private async Task MakeSandboxAsync()
    {
        try
        {
            _sandbox = await PodSandbox.MakeAsync(_node, _pod);
            await _sandbox.ConnectAsync(_pod);
            _sandboxes.Reset();
            WakeAtEndOf(_sandbox.Pause);
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

    private async Task StartAsync(PodContainer container)
    {
        var image = MachineImages.Find(container.Spec.Image, out var missing);
        if (image is null)
        {
            container.ImageMissing(missing!);
            _observer.Happened(warning: true, "Failed", $"{container.Waiting!.Value.Reason}: {missing}", container.Name);
            return;
        }

        try
        {
            var running = await _launcher.LaunchAsync(_pod, container, image, _sandbox!);
            container.Started(running, image.Source);
            WakeAtEndOf(running.Process);
            _observer.Happened(
                warning: false, "Pulled", $"Container image \"{container.Spec.Image}\" is {image.Source} of this machine", container.Name);
            _observer.Happened(warning: false, "Created", $"Created container {container.Name}", container.Name);
            _observer.Happened(warning: false, "Started", $"Started container {container.Name}", container.Name);
        }
        catch (ContainerConfigException e)
        {
            container.Refused(e.Message);
            _observer.Happened(warning: true, "Failed", $"Error: {e.Message}", container.Name);
        }
        catch (Exception e) when (IsOrdinary(e))
        {
            var wait = container.CouldNotStart(e.Message, image.Source);
            _logger.ContainerFailed(_pod.FullName(), container.Name, e.Message);
            _observer.Happened(warning: true, "Failed", $"Error: {e.Message}", container.Name);
            SayBackOff(container, wait);
        }
    }

    /// <summary>What can go wrong with one pod and is not a defect of this program.</summary>
    private static bool IsOrdinary(Exception e) =>
        e is RuncException or CniException or IOException or TimeoutException or UnauthorizedAccessException;

    /// <summary>Takes note of containers whose process has ended, and clears them away.</summary>
    private async Task NoteEndsAsync(bool stopped)
    {
        // The containers of a lost sandbox end with it where they share its process namespace: that is no failure of theirs.
        stopped |= _sandbox is { Pause.Exited.IsCompleted: true };
        foreach (var container in _containers.Where(c => c.Running is { Process.Exited.IsCompleted: true }))
        {
            var running = container.Running!;
            var status = await running.Process.Exited;
            var wait = container.Finished(status.ShellCode, status.Signal, stopped);
            _logger.ContainerEnded(_pod.FullName(), container.Name, status);
            Show();
            await _launcher.RemoveAsync(_pod, container.Name, running);
            if (!stopped && container.MayStart(RestartPolicy))
                SayBackOff(container, wait);
        }
    }

    private void SayBackOff(PodContainer container, TimeSpan wait)
    {
        if (wait > TimeSpan.Zero)
        {
            _observer.Happened(
                warning: true, "BackOff", $"Back-off restarting failed container {container.Name} in pod {_pod.FullName()}",
                container.Name);
        }
    }

    /// <summary>SIGTERM (or what the image asks for), the grace period, which may be shortened meanwhile, SIGKILL.</summary>
    private async Task StopContainersAsync(CancellationToken ct)
    {
        var began = DateTime.UtcNow;
        foreach (var container in _containers.Where(c => c.Running is not null))
        {
            _observer.Happened(warning: false, "Killing", $"Stopping container {container.Name}", container.Name);
            container.Running!.Process.Kill(container.Running.StopSignal);
        }

        while (_containers.Where(c => c.Running is not null).Select(c => c.Running!.Process).ToArray() is { Length: > 0 } processes)
        {
            var deadline = began + _pod.Grace();
            if (deadline <= DateTime.UtcNow)
            {
                foreach (var process in processes.Where(p => !p.Exited.IsCompleted))
                    process.Kill(Signals.Kill);
                await Task.WhenAll(processes.Select(p => p.Exited));
            }
            else
            {
                await SleepAsync(deadline, ct);
            }

            await NoteEndsAsync(stopped: true);
        }
    }

    private async Task EndAsync(CancellationToken ct)
    {
        await StopContainersAsync(ct);
        Show();
        await RemoveSandboxAsync();
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

    private void WakeAtEndOf(ChildProcess process) =>
        process.Exited.GetAwaiter().OnCompleted(() => _wake.Release());

    /// <summary>Null: only something that happens wakes it.</summary>
    private DateTime? NextDue()
    {
        if (IsOver)
            return null;
        if (_sandbox is null)
            return _sandboxDue;
        return _containers.Where(c => c.Running is null && c.MayStart(RestartPolicy)).Min(c => c.Due);
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
        _shown = new PodStatuses(_pod, _containers, addresses, DateTime.UtcNow).Build(_node.Addresses, _shown);
        _observer.StatusChanged(_shown);
    }
}
