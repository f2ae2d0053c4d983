using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>A Deployment's status, with the conditions that <c>kubectl rollout status</c> and <c>kubectl wait</c> read.</summary>
internal static class DeploymentStatus
{
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
        return created || name is null
            ? Condition(deployment, "Progressing", true, "NewReplicaSetCreated", "Created new replica set.", now)
            : Condition(deployment, "Progressing", true, "ReplicaSetUpdated", $"ReplicaSet \"{name}\" is progressing.", now);
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
