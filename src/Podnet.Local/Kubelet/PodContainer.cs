using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>A container that was started; its process may have ended by now.</summary>
/// <param name="Folder">Its bundle.</param>
/// <param name="Log">The file that it prints to.</param>
/// <param name="Console">Of a container with an input or a terminal; others write their log by themselves.</param>
internal sealed record RunningContainer(
    string Id, string Folder, ChildProcess Process, DateTime StartedAt, int StopSignal, string Log, ContainerConsole? Console);

/// <summary>What a container is in its pod.</summary>
internal enum ContainerRole
{
    /// <summary>Runs to its end before the next one starts.</summary>
    Init,

    /// <summary>An init container with restartPolicy Always: runs beside the others from its turn on.</summary>
    Sidecar,

    Main,
}

/// <summary>What has become of one container of a pod. Owned by the pod's one worker.</summary>
internal sealed class PodContainer(V1Container spec, ContainerRole role = ContainerRole.Main)
{
    public V1Container Spec { get; } = spec;

    public ContainerRole Role { get; } = role;

    public string Name => Spec.Name;

    /// <summary>An init container that has ended well in this sandbox.</summary>
    public bool IsDone { get; private set; }

    /// <summary>What its probes say; null while it isn't running.</summary>
    public ContainerProbes? Probes { get; private set; }

    /// <summary>That it is being ended; null while it isn't.</summary>
    public ContainerStop? Stop { get; set; }

    public bool IsStarted => Running is not null && Probes is null or { IsStarted: true };

    public bool IsReady => Role == ContainerRole.Init ? IsDone : Running is not null && Probes is null or { IsReady: true };

    /// <summary>Of an init container: it was its turn, and now it is the next one's.</summary>
    public bool LetsOthersStart => IsDone || _hasStarted;

    /// <summary>A sidecar that was started once in this sandbox is not waited for again.</summary>
    private bool _hasStarted;

    /// <summary>It has not run in this sandbox yet.</summary>
    private bool _isFresh = true;

    /// <summary>How often it was started, or at least tried; the restart count is one less.</summary>
    public int Starts { get; private set; }

    public int RestartCount => Math.Max(0, Starts - 1);

    public RunningContainer? Running { get; private set; }

    /// <summary>How it ended the last time.</summary>
    public V1ContainerStateTerminated? Ended { get; private set; }

    /// <summary>How it ended the time before that.</summary>
    public V1ContainerStateTerminated? EndedBefore { get; private set; }

    /// <summary>Why it is not running where that is not said by how it ended: reason and message.</summary>
    public (string Reason, string Message)? Waiting { get; private set; }

    public string ImageId { get; private set; } = "";

    /// <summary>Its image, being looked for or found; null where it is not wanted now.</summary>
    public Task<ImageOutcome>? Image { get; set; }

    public bool WaitsForImage => Image is { IsCompleted: false };

    /// <summary>Not to be started before; null: never.</summary>
    public DateTime? Due { get; private set; } = DateTime.MinValue;

    /// <summary>Before a ConfigMap or Secret that was missing is looked for again. Arbitrary.</summary>
    private static readonly TimeSpan ConfigWait = TimeSpan.FromSeconds(2);

    private Backoff Restarts { get; } = Backoff.ForRestarts();

    private Backoff Pulls { get; } = Backoff.ForImages();

    /// <summary>Goes on where an earlier kubelet of the node stopped; what it ran has been ended.</summary>
    public void Resume(V1ContainerStatus status)
    {
        if (string.IsNullOrEmpty(status.ContainerID))
            return;
        Starts = status.RestartCount + 1;
        Ended = status.State?.Terminated ?? new V1ContainerStateTerminated
        {
            ExitCode = 128 + Signals.Kill,
            Reason = "ContainerStatusUnknown",
            Message = "the kubelet was started anew, and ended it",
            ContainerID = status.ContainerID,
            StartedAt = status.State?.Running?.StartedAt,
            FinishedAt = DateTime.UtcNow,
        };
    }

    /// <summary>Whether it is to run again, now or later, by the pod's restartPolicy.</summary>
    public bool MayStart(string? restartPolicy) => Due is not null && !IsDone && (Ended is null || (Role, restartPolicy) switch
    {
        (ContainerRole.Sidecar, _) => true,
        (ContainerRole.Init, "Never") => _isFresh,
        (ContainerRole.Init, _) => true,
        (_, "Never") => false,
        (_, "OnFailure") => Ended.ExitCode != 0,
        _ => true,
    });

    /// <summary>In a new sandbox all init containers run again.</summary>
    public void SandboxChanged() => (IsDone, _hasStarted, _isFresh) = (false, false, true);

    /// <summary>To be called whenever its probes may have changed their mind.</summary>
    public void Look() => _hasStarted |= Role == ContainerRole.Sidecar && IsStarted;

    public void Started(RunningContainer running, string imageId, ContainerProbes? probes)
    {
        Starts++;
        ImageId = imageId;
        Running = running;
        Probes = probes;
        Stop = null;
        _isFresh = false;
        Look();
        Waiting = null;
        Pulls.Reset();
    }

    /// <summary>The process ended, by itself or because the pod is being stopped.</summary>
    /// <param name="message">Its last words; null for none.</param>
    /// <returns>How long to wait before it may start again.</returns>
    public TimeSpan Finished(int exitCode, int signal, bool stopped, string? message)
    {
        var running = Running!;
        // Nobody but the kernel kills the first process of a process namespace, and that for its memory limit; a shell passes on that
        // its child was. The control group, which counted it, has gone with the container.
        var outOfMemory = exitCode == 128 + Signals.Kill && !stopped && Stop is null && Spec.Resources?.Limits?.ContainsKey("memory") == true;
        Running = null;
        Probes?.Dispose();
        Probes = null;
        Stop = null;
        IsDone = Role == ContainerRole.Init && exitCode == 0;
        return End(new V1ContainerStateTerminated
        {
            ExitCode = exitCode,
            Signal = signal == 0 ? null : signal,
            Reason = exitCode == 0 ? "Completed" : outOfMemory ? "OOMKilled" : "Error",
            Message = message,
            ContainerID = "runc://" + running.Id,
            StartedAt = running.StartedAt,
            FinishedAt = DateTime.UtcNow,
        }, countsAsFailure: !stopped && !IsDone);
    }

    /// <summary>runc could not start it: counts as a run that ended at once, with Kubernetes' exit code for that.</summary>
    public TimeSpan CouldNotStart(string message, string imageId)
    {
        const int startError = 128;
        Starts++;
        _isFresh = false;
        ImageId = imageId;
        var now = DateTime.UtcNow;
        return End(
            new V1ContainerStateTerminated
            {
                ExitCode = startError,
                Reason = "StartError",
                Message = message,
                StartedAt = now,
                FinishedAt = now,
            },
            countsAsFailure: true);
    }

    /// <summary>There is no image: it is looked for again later.</summary>
    public void ImageMissing(ImageOutcome outcome)
    {
        var again = outcome.Reason == "ErrImagePull" && Waiting is { Reason: "ErrImagePull" or "ImagePullBackOff" };
        Waiting = again ? ("ImagePullBackOff", $"Back-off pulling image \"{Spec.Image}\": {outcome.Reason}: {outcome.Message}") : (outcome.Reason, outcome.Message);
        Due = DateTime.UtcNow + Pulls.Failed(DateTimeOffset.UtcNow);
    }

    /// <summary>The pod's spec asks for something that is not run here, or not there yet.</summary>
    /// <param name="mayChange">It is tried again; otherwise trying again would not help.</param>
    public void Refused(string message, bool mayChange)
    {
        Waiting = ("CreateContainerConfigError", message);
        Due = mayChange ? DateTime.UtcNow + ConfigWait : null;
    }

    private TimeSpan End(V1ContainerStateTerminated end, bool countsAsFailure)
    {
        EndedBefore = Ended;
        Ended = end;
        var wait = countsAsFailure ? Restarts.Failed(DateTimeOffset.UtcNow) : TimeSpan.Zero;
        Due = DateTime.UtcNow + wait;
        Waiting = wait == TimeSpan.Zero
            ? null
            : ("CrashLoopBackOff", $"back-off {wait.TotalSeconds:0}s restarting failed container={Name}");
        return wait;
    }
}
