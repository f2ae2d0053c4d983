using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>A Deployment's status, with the conditions that <c>kubectl rollout status</c> and <c>kubectl wait</c> read.</summary>
internal static class DeploymentStatus
{
    /// <summary>What <c>kubectl rollout status</c> gives up on.</summary>
    public const string DeadlineExceeded = "ProgressDeadlineExceeded";

    public static V1DeploymentStatus Of(Rollout rollout, bool created, DateTime now)
    {
        var deployment = rollout.Deployment;
        var available = rollout.All.Sum(set => set.Status?.AvailableReplicas ?? 0);
        var wanted = rollout.All.Sum(set => set.Spec.Replicas ?? 1);
        var enough = available >= rollout.Replicas - rollout.MaxUnavailable;
        return new V1DeploymentStatus
        {
            ObservedGeneration = deployment.Metadata.Generation,
            Replicas = rollout.All.Sum(set => set.Status?.Replicas ?? 0),
            UpdatedReplicas = rollout.New?.Status?.Replicas ?? 0,
            ReadyReplicas = rollout.All.Sum(set => set.Status?.ReadyReplicas ?? 0),
            AvailableReplicas = available,
            UnavailableReplicas = Math.Max(0, wanted - available),
            CollisionCount = deployment.Status?.CollisionCount,
            Conditions =
            [
                Condition(deployment, "Available", enough,
                    enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                    enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", now),
                Progressing(rollout, created, now),
            ],
        };
    }

    private static V1DeploymentCondition Progressing(Rollout rollout, bool created, DateTime now)
    {
        var (deployment, name) = (rollout.Deployment, rollout.New?.Metadata.Name);
        if (deployment.Spec.Paused == true)
            return Condition(deployment, "Progressing", null, "DeploymentPaused", "Deployment is paused", now);
        if (rollout.IsComplete)
        {
            return Condition(deployment, "Progressing", true, "NewReplicaSetAvailable",
                $"ReplicaSet \"{name}\" has successfully progressed.", now);
        }
        if (created || name is null)
            return Condition(deployment, "Progressing", true, "NewReplicaSetCreated", "Created new replica set.", now);
        var before = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == "Progressing");
        if (!HasMoved(rollout) && before is not null && before.Reason != "DeploymentPaused"
            && (before.Status == "False" || UntilDeadline(deployment, before, now) == TimeSpan.Zero))
        {
            return Condition(deployment, "Progressing", false, DeadlineExceeded,
                $"ReplicaSet \"{name}\" has timed out progressing.", now);
        }
        var moving = Condition(deployment, "Progressing", true, "ReplicaSetUpdated", $"ReplicaSet \"{name}\" is progressing.", now);
        if (HasMoved(rollout)) moving.LastUpdateTime = now;
        return moving;
    }

    /// <summary>How long the rollout may still take to move; null where it is done, or may take for ever.</summary>
    public static TimeSpan? UntilDeadline(V1Deployment deployment, V1DeploymentStatus status, DateTime now) =>
        status.Conditions.FirstOrDefault(c => c.Type == "Progressing") is { Status: "True", Reason: not "NewReplicaSetAvailable" } progressing
            ? UntilDeadline(deployment, progressing, now) : null;

    private static TimeSpan? UntilDeadline(V1Deployment deployment, V1DeploymentCondition progressing, DateTime now)
    {
        // The largest number means for ever.
        if (progressing.Reason == "NewReplicaSetAvailable" || deployment.Spec.ProgressDeadlineSeconds is not (< int.MaxValue and var seconds)) return null;
        var left = (progressing.LastUpdateTime ?? now).AddSeconds(seconds) - now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>More pods of the new template, or more that serve, or fewer of old ones, than the status last said.</summary>
    private static bool HasMoved(Rollout rollout)
    {
        if (rollout.Deployment.Status is not { } last) return true;
        var updated = rollout.New?.Status?.Replicas ?? 0;
        var old = rollout.Old.Sum(set => set.Status?.Replicas ?? 0);
        return updated > (last.UpdatedReplicas ?? 0) || old < (last.Replicas ?? 0) - (last.UpdatedReplicas ?? 0)
            || rollout.All.Sum(set => set.Status?.ReadyReplicas ?? 0) > (last.ReadyReplicas ?? 0)
            || rollout.All.Sum(set => set.Status?.AvailableReplicas ?? 0) > (last.AvailableReplicas ?? 0);
    }

    /// <summary>Its times stay where what it says stays; a status of null is Unknown.</summary>
    private static V1DeploymentCondition Condition(
        V1Deployment deployment, string type, bool? holds, string reason, string message, DateTime now)
    {
        var status = holds switch { true => "True", false => "False", null => "Unknown" };
        var before = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == type);
        var same = before is not null && before.Status == status && before.Reason == reason && before.Message == message;
        return new V1DeploymentCondition
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            LastUpdateTime = same ? before!.LastUpdateTime : now,
            LastTransitionTime = before?.Status == status ? before.LastTransitionTime : now,
        };
    }
}
