using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>A container that was started; its process may have ended by now.</summary>
internal sealed record RunningContainer(string Id, ChildProcess Process, DateTime StartedAt, int StopSignal);

/// <summary>What has become of one container of a pod. Owned by the pod's one worker.</summary>
internal sealed class PodContainer(V1Container spec)
{
    public V1Container Spec { get; } = spec;

    public string Name => Spec.Name;

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

    /// <summary>Not to be started before; null: never.</summary>
    public DateTime? Due { get; private set; } = DateTime.MinValue;

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
    public bool MayStart(string? restartPolicy) => Due is not null && (Ended is null || restartPolicy switch
    {
        "Never" => false,
        "OnFailure" => Ended.ExitCode != 0,
        _ => true,
    });

    public void Started(RunningContainer running, string imageId)
    {
        Starts++;
        ImageId = imageId;
        Running = running;
        Waiting = null;
        Pulls.Reset();
    }

    /// <summary>The process ended, by itself or because the pod is being stopped.</summary>
    /// <returns>How long to wait before it may start again.</returns>
    public TimeSpan Finished(int exitCode, int signal, bool stopped)
    {
        var running = Running!;
        Running = null;
        return End(new V1ContainerStateTerminated
        {
            ExitCode = exitCode,
            Signal = signal == 0 ? null : signal,
            Reason = exitCode == 0 ? "Completed" : "Error",
            ContainerID = "runc://" + running.Id,
            StartedAt = running.StartedAt,
            FinishedAt = DateTime.UtcNow,
        }, countsAsFailure: !stopped);
    }

    /// <summary>runc could not start it: counts as a run that ended at once, with Kubernetes' exit code for that.</summary>
    public TimeSpan CouldNotStart(string message, string imageId)
    {
        const int startError = 128;
        Starts++;
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

    /// <summary>Nobody has the image: it is looked for again later.</summary>
    public void ImageMissing(string message)
    {
        var again = Waiting is { Reason: "ErrImagePull" or "ImagePullBackOff" };
        Waiting = (again ? "ImagePullBackOff" : "ErrImagePull", message);
        Due = DateTime.UtcNow + Pulls.Failed(DateTimeOffset.UtcNow);
    }

    /// <summary>The pod's spec asks for something that is not run here; that doesn't change by trying again.</summary>
    public void Refused(string message)
    {
        Waiting = ("CreateContainerConfigError", message);
        Due = null;
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
