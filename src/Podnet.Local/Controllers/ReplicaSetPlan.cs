using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a ReplicaSet needs next.</summary>
/// <param name="Create">How many pods more.</param>
/// <param name="Recheck">When to look again though nothing changes; null for never.</param>
internal sealed record ReplicaSetDecision(
    ImmutableArray<V1Pod> Adopt,
    ImmutableArray<V1Pod> Release,
    int Create,
    ImmutableArray<V1Pod> Delete,
    V1ReplicaSetStatus Status,
    TimeSpan? Recheck);

/// <summary>The decisions of Kubernetes' pkg/controller/replicaset/replica_set.go.</summary>
internal static class ReplicaSetPlan
{
    public static ReplicaSetDecision Decide(V1ReplicaSet set, IEnumerable<V1Pod> pods, DateTime now)
    {
        var claims = Claims<V1Pod>.Of(set.Metadata, Selector.Of(set.Spec.Selector), pods);
        var active = claims.Owned.Where(pod => pod.IsActive()).ToList();
        var leaving = set.Metadata.DeletionTimestamp is not null;
        var missing = leaving ? 0 : (set.Spec.Replicas ?? 1) - active.Count;
        return new ReplicaSetDecision(
            claims.Adopt,
            claims.Release,
            Math.Max(0, missing),
            missing < 0 ? [.. InOrderOfDeletion(active, now).Take(-missing)] : [],
            Status(set, active, now),
            active.SoonestAvailable(set.Spec.MinReadySeconds, now));
    }

    public static V1Pod NewPod(V1ReplicaSet set, string name) => PodTemplates.NewPod(
        set.Spec.Template,
        set.Metadata.NamespaceProperty,
        name,
        Owners.Reference(V1ReplicaSet.KubeGroup + "/" + V1ReplicaSet.KubeApiVersion, V1ReplicaSet.KubeKind, set.Metadata));

    /// <summary>
    /// The pod that is missed least comes first: unbound, pending, not ready, of low deletion cost, on a node with many of the
    /// set's pods, ready for a short time, often restarted, young (ActivePodsWithRanks in pkg/controller/controller_utils.go).
    /// </summary>
    private static IEnumerable<V1Pod> InOrderOfDeletion(List<V1Pod> active, DateTime now)
    {
        var perNode = active.Where(pod => pod.IsBound()).CountBy(pod => pod.Spec.NodeName).ToDictionary();
        return active
            .OrderBy(pod => pod.IsBound())
            .ThenBy(pod => pod.Status?.Phase switch { "Running" => 2, "Unknown" => 1, _ => 0 })
            .ThenBy(pod => pod.IsReady())
            .ThenBy(pod => int.TryParse(pod.GetAnnotation(WellKnown.PodDeletionCost), out var cost) ? cost : 0)
            .ThenByDescending(pod => pod.IsBound() ? perNode[pod.Spec.NodeName] : 0)
            .ThenByDescending(pod => pod.ReadyCondition()?.LastTransitionTime ?? now)
            .ThenByDescending(pod => pod.Status?.ContainerStatuses?.Sum(c => c.RestartCount) ?? 0)
            .ThenByDescending(pod => pod.Metadata.CreationTimestamp ?? now)
            .ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal);
    }

    private static V1ReplicaSetStatus Status(V1ReplicaSet set, List<V1Pod> active, DateTime now)
    {
        var template = Selector.Of(set.Spec.Template?.Metadata?.Labels ?? ImmutableDictionary<string, string>.Empty);
        return new V1ReplicaSetStatus
        {
            ObservedGeneration = set.Metadata.Generation,
            Replicas = active.Count,
            FullyLabeledReplicas = active.Count(pod => template.Matches(pod.Metadata.Labels)),
            ReadyReplicas = active.Count(pod => pod.IsReady()),
            AvailableReplicas = active.Count(pod => pod.IsAvailable(set.Spec.MinReadySeconds, now)),
            Conditions = set.Status?.Conditions,
        };
    }
}
