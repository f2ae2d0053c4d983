using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What is shown of a pod, from what it is.</summary>
/// <param name="addresses">Null while there is no sandbox.</param>
/// <param name="now">The time of what has changed.</param>
/// <param name="isLate">It ran longer than it may: failed, however its containers ended.</param>
internal sealed class PodStatuses(
    V1Pod pod, IReadOnlyList<PodContainer> containers, IReadOnlyList<string>? addresses, DateTime now, bool isLate = false)
{
    /// <summary>The reason of a pod that ran beyond its activeDeadlineSeconds, and of the Event that says so.</summary>
    public const string DeadlineExceeded = "DeadlineExceeded";

    /// <param name="nodeAddresses">The host's.</param>
    /// <param name="before">What was shown last; conditions that have not changed keep their time.</param>
    public V1PodStatus Build(IReadOnlyList<string> nodeAddresses, V1PodStatus? before)
    {
        var phase = Phase();
        var mains = containers.Where(c => c.Role == ContainerRole.Main).ToArray();
        var incomplete = containers.Where(c => c.Role != ContainerRole.Main && !c.LetsOthersStart).Select(c => c.Name).ToArray();
        var unready = containers.Where(c => c.Role != ContainerRole.Init && !c.IsReady).Select(c => c.Name).ToArray();
        var ready = unready.Length == 0 && addresses is not null;
        var (reason, message) = ready ? (null, null)
            : phase is "Succeeded" or "Failed" ? ("Pod" + (phase == "Succeeded" ? "Completed" : "Failed"), (string?)null)
            : ("ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
        V1PodCondition[] own =
        [
            Condition("PodScheduled", true),
            Condition("PodReadyToStartContainers", addresses is not null),
            incomplete.Length == 0
                ? Condition("Initialized", true)
                : Condition("Initialized", false, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', incomplete)}]"),
            Condition("Ready", ready, reason, message),
            Condition("ContainersReady", ready, reason, message),
        ];
        return new V1PodStatus
        {
            Phase = phase,
            Reason = isLate ? DeadlineExceeded : null,
            Message = isLate ? "Pod was active on the node longer than the specified deadline" : null,
            Conditions = Merge(own, before),
            HostIP = nodeAddresses[0],
            HostIPs = [.. nodeAddresses.Select(ip => new V1HostIP { Ip = ip })],
            PodIP = addresses is [var first, ..] ? first : null,
            PodIPs = addresses is null ? null : [.. addresses.Select(ip => new V1PodIP { Ip = ip })],
            StartTime = before?.StartTime ?? now,
            QosClass = pod.Status?.QosClass,
            InitContainerStatuses = mains.Length == containers.Count ? null : [.. containers.Except(mains).Select(Of)],
            ContainerStatuses = [.. mains.Select(Of)],
        };
    }

    /// <summary>As k8s.io/kubernetes/pkg/kubelet getPhase decides it.</summary>
    private string Phase()
    {
        if (pod.IsFinished())
            return pod.Status.Phase;
        if ((isLate && containers.All(c => c.Running is null)) || ContainerOrder.HasFailed(containers, pod.Spec.RestartPolicy))
            return "Failed";
        var mains = containers.Where(c => c.Role == ContainerRole.Main).ToArray();
        if (mains.Any(c => c.Running is null && c.Ended is null) || !ContainerOrder.IsInitialized(containers))
            return "Pending";
        var ending = pod.Metadata.DeletionTimestamp is not null;
        var over = mains.All(c => c.Running is null && (ending || !c.MayStart(pod.Spec.RestartPolicy)));
        if (!over)
            return "Running";
        return mains.All(c => c.Ended!.ExitCode == 0) ? "Succeeded" : "Failed";
    }

    private V1ContainerStatus Of(PodContainer container)
    {
        var (ended, waiting) = (container.Ended, container.Waiting);
        var state = new V1ContainerState();
        var last = new V1ContainerState();
        if (container.Running is { } running)
        {
            state.Running = new V1ContainerStateRunning { StartedAt = running.StartedAt };
            last.Terminated = ended;
        }
        else if (waiting is not null || ended is null)
        {
            state.Waiting = new V1ContainerStateWaiting { Reason = waiting?.Reason ?? Unstarted(container), Message = waiting?.Message };
            last.Terminated = ended;
        }
        else
        {
            state.Terminated = ended;
            last.Terminated = container.EndedBefore;
        }

        return new V1ContainerStatus
        {
            Name = container.Name,
            Image = container.Spec.Image,
            ImageID = container.ImageId,
            ContainerID = container.Running is { } now ? "runc://" + now.Id : ended?.ContainerID,
            RestartCount = container.RestartCount,
            Ready = container.IsReady,
            Started = container.IsStarted,
            State = state,
            LastState = last,
        };
    }

    private string Unstarted(PodContainer container) =>
        containers.Any(c => c.Role == ContainerRole.Init) || !ContainerOrder.IsInitialized(containers)
            ? container.Role == ContainerRole.Main && ContainerOrder.IsInitialized(containers) ? "ContainerCreating" : "PodInitializing"
            : "ContainerCreating";

    private static V1PodCondition Condition(string type, bool holds, string? reason = null, string? message = null) =>
        new() { Type = type, Status = holds ? "True" : "False", Reason = reason, Message = message };

    /// <summary>Conditions of others (readiness gates) stay as they are.</summary>
    private List<V1PodCondition> Merge(V1PodCondition[] own, V1PodStatus? before)
    {
        var known = (before?.Conditions ?? []).Concat(pod.Status?.Conditions ?? []).DistinctBy(c => c.Type).ToDictionary(c => c.Type);
        foreach (var condition in own)
        {
            condition.LastTransitionTime = known.TryGetValue(condition.Type, out var old) && old.Status == condition.Status
                ? old.LastTransitionTime
                : now;
            known[condition.Type] = condition;
        }

        return [.. known.Values.OrderBy(c => c.Type, StringComparer.Ordinal)];
    }
}
