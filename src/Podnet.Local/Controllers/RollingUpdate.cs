using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>One step from old ReplicaSets to the new one (pkg/controller/deployment/rolling.go): first up, then down.</summary>
internal static class RollingUpdate
{
    /// <summary>New numbers of replicas for those ReplicaSets that must change now.</summary>
    public static IReadOnlyDictionary<V1ReplicaSet, int> Of(Rollout rollout)
    {
        if (rollout.New is null) return ImmutableDictionary<V1ReplicaSet, int>.Empty;
        var wanted = NewReplicas(rollout);
        return wanted != Replicas(rollout.New)
            ? new Dictionary<V1ReplicaSet, int> { [rollout.New] = wanted }
            : Down(rollout);
    }

    /// <summary>As many as fit under replicas + maxSurge in all.</summary>
    public static int NewReplicas(Rollout rollout)
    {
        var now = rollout.New is null ? 0 : Replicas(rollout.New);
        if (now >= rollout.Replicas) return rollout.Replicas;
        var room = rollout.Replicas + rollout.MaxSurge - rollout.All.Sum(Replicas);
        return now + Math.Clamp(room, 0, rollout.Replicas - now);
    }

    /// <summary>
    /// Never below replicas − maxUnavailable available pods. What is not available in an old ReplicaSet goes first, so that a
    /// template that never becomes ready does not hold up its successor.
    /// </summary>
    private static Dictionary<V1ReplicaSet, int> Down(Rollout rollout)
    {
        var wanted = rollout.Old.Where(old => Replicas(old) > 0).ToDictionary(old => old, Replicas);
        var newUnavailable = Replicas(rollout.New!) - Available(rollout.New!);
        var minAvailable = rollout.Replicas - rollout.MaxUnavailable;
        var mayGo = rollout.All.Sum(Replicas) - minAvailable - newUnavailable;
        if (mayGo <= 0) return [];
        foreach (var old in rollout.Old.Where(wanted.ContainsKey))
        {
            var unhealthy = Math.Clamp(wanted[old] - Available(old), 0, mayGo);
            wanted[old] -= unhealthy;
            mayGo -= unhealthy;
        }
        var healthyMayGo = Math.Max(0, rollout.All.Sum(Available) - minAvailable);
        foreach (var old in rollout.Old.Where(wanted.ContainsKey))
        {
            var down = Math.Min(Math.Min(wanted[old], healthyMayGo), Math.Max(0, mayGo));
            wanted[old] -= down;
            healthyMayGo -= down;
            mayGo -= down;
        }
        return wanted.Where(w => w.Value != Replicas(w.Key)).ToDictionary();
    }

    private static int Replicas(V1ReplicaSet set) => set.Spec.Replicas ?? 1;

    /// <summary>A ReplicaSet's status may lag behind its scaling down.</summary>
    private static int Available(V1ReplicaSet set) => Math.Min(Replicas(set), set.Status?.AvailableReplicas ?? 0);
}
