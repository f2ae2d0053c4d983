using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>
/// A Deployment resized in the middle of a rollout (pkg/controller/deployment/sync.go, scale): all ReplicaSets take their
/// part of the change, in proportion to their size.
/// </summary>
internal static class ProportionalScale
{
    public static IReadOnlyDictionary<V1ReplicaSet, int> Of(Rollout rollout)
    {
        var active = rollout.All.Where(set => Replicas(set) > 0).ToList();
        if (active.Count == 0 && rollout.New is not null) active.Add(rollout.New);
        if (active.Count == 0) return ImmutableDictionary<V1ReplicaSet, int>.Empty;
        if (active.Count == 1) return new Dictionary<V1ReplicaSet, int> { [active[0]] = rollout.Replicas };
        var total = active.Sum(Replicas);
        var limit = rollout.Replicas == 0 ? 0 : rollout.Replicas + rollout.MaxSurge;
        // Without a change of size nothing moves: a paused rollout stays as it stands.
        if (!rollout.WasResized) return ImmutableDictionary<V1ReplicaSet, int>.Empty;
        var wanted = active.ToDictionary(set => set, set => (int)Math.Round((double)Replicas(set) * limit / total, MidpointRounding.AwayFromZero));
        // What rounding left over or took too much is the largest one's.
        var largest = active.OrderByDescending(Replicas).ThenByDescending(set => set == rollout.New)
            .ThenBy(set => set.Metadata.Name, StringComparer.Ordinal).First();
        wanted[largest] = Math.Max(0, wanted[largest] + limit - wanted.Values.Sum());
        return wanted;
    }

    private static int Replicas(V1ReplicaSet set) => set.Spec.Replicas ?? 1;
}
