using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a StatefulSet needs next.</summary>
/// <param name="Delete">Pods to delete; those that must come back are created once they are gone.</param>
/// <param name="Complaint">What is wrong with the annotation podnet.dev/pod-ips; null if nothing is.</param>
/// <param name="Recheck">When to look again though nothing changes; null for never.</param>
internal sealed record StatefulSetDecision(
    ImmutableArray<V1Pod> Adopt,
    ImmutableArray<V1Pod> Release,
    ImmutableArray<V1Pod> Create,
    ImmutableArray<V1Pod> Delete,
    V1StatefulSetStatus Status,
    string? Complaint,
    TimeSpan? Recheck);

/// <summary>
/// The decisions of Kubernetes' pkg/controller/statefulset/stateful_set_control.go, from the StatefulSet and the pods that
/// there are now. A pod that is lost while its template is being replaced comes back as the new one, unless the partition keeps it old.
/// </summary>
internal static class StatefulSetPlan
{
    /// <param name="old">The template of status.currentRevision, where that is not the set's own any more.</param>
    public static StatefulSetDecision Decide(V1StatefulSet set, IEnumerable<V1Pod> pods, DateTime now, V1PodTemplateSpec? old = null)
    {
        var claims = Claims<V1Pod>.Of(set.Metadata, Selector.Of(set.Spec.Selector), pods.Where(pod => OrdinalOf(set, pod) is not null));
        var view = new View(set, claims.Owned, now, old);
        var (create, delete) = set.Metadata.DeletionTimestamp is null ? Step(view) : ([], []);
        return new StatefulSetDecision(
            claims.Adopt,
            claims.Release,
            create,
            delete,
            Status(view, now),
            StatefulSetAddresses.Of(set).Complaint,
            view.ByOrdinal.Values.SoonestAvailable(set.Spec.MinReadySeconds, now));
    }

    /// <summary>The number behind the set's name, "nginx-1" is 1; null for a pod that is not named so.</summary>
    public static int? OrdinalOf(V1StatefulSet set, V1Pod pod)
    {
        var (name, prefix) = (pod.Metadata.Name, set.Metadata.Name + "-");
        return name.StartsWith(prefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            && name.Length == prefix.Length + ordinal.ToString(CultureInfo.InvariantCulture).Length
            ? ordinal
            : null;
    }

    /// <summary>First the pods that are missing or finished, then those too many, then those of an old template: one of these at a time.</summary>
    private static (ImmutableArray<V1Pod> Create, ImmutableArray<V1Pod> Delete) Step(View view)
    {
        var (create, delete, settled) = Fill(view);
        if (settled) settled = Shrink(view, delete);
        if (settled && create.Count == 0 && delete.Count == 0 && NextToReplace(view) is { } old) delete.Add(old);
        return ([.. create], [.. delete]);
    }

    private static (List<V1Pod> Create, List<V1Pod> Delete, bool Settled) Fill(View view)
    {
        var (create, delete) = (new List<V1Pod>(), new List<V1Pod>());
        for (var ordinal = view.First; ordinal < view.End; ordinal++)
        {
            var pod = view.ByOrdinal.GetValueOrDefault(ordinal);
            if (pod is null) create.Add(NewPod(view, ordinal));
            else if (pod.IsFinished() && !pod.IsTerminating()) delete.Add(pod);
            else if (view.IsHealthy(pod) || !view.Ordered) continue;
            // OrderedReady: "Before a scaling operation is applied to a Pod, all of its predecessors must be Running and Ready."
            if (view.Ordered) return (create, delete, false);
        }
        return (create, delete, true);
    }

    /// <summary>
    /// "Before a Pod is terminated, all of its successors must be completely shutdown": highest ordinal first, and of those that
    /// are not healthy only the lowest may be removed. One that has finished can wait for nothing, and goes.
    /// </summary>
    private static bool Shrink(View view, List<V1Pod> delete)
    {
        var surplus = view.ByOrdinal.Where(p => p.Key < view.First || p.Key >= view.End).Select(p => p.Value).Reverse().ToList();
        var lowestUnhealthy = surplus.LastOrDefault(pod => !view.IsHealthy(pod));
        foreach (var pod in surplus)
        {
            var mayGo = !view.Ordered || view.IsHealthy(pod) || pod.IsFinished() || pod == lowestUnhealthy;
            if (mayGo && !pod.IsTerminating()) delete.Add(pod);
            if (view.Ordered) return false;
        }
        return true;
    }

    /// <summary>From the highest ordinal down to the partition, the first pod of an old template, once all above it are healthy again.</summary>
    private static V1Pod? NextToReplace(View view)
    {
        if (view.Set.Spec.UpdateStrategy?.Type == "OnDelete") return null;
        for (var ordinal = view.End - 1; ordinal >= view.FirstToUpdate; ordinal--)
        {
            if (!view.ByOrdinal.TryGetValue(ordinal, out var pod)) return null;
            if (!view.IsCurrent(pod) && !pod.IsTerminating()) return pod;
            if (!view.IsHealthy(pod)) return null;
        }
        return null;
    }

    private static V1Pod NewPod(View view, int ordinal)
    {
        var (set, name) = (view.Set, $"{view.Set.Metadata.Name}-{ordinal}");
        var owner = Owners.Reference(V1StatefulSet.KubeGroup + "/" + V1StatefulSet.KubeApiVersion, V1StatefulSet.KubeKind, set.Metadata);
        // "If a partition is specified … all Pods with an ordinal less than the partition … even if they are deleted, will be recreated
        // at the previous version."
        var (template, revision) = view.Old is { } old && ordinal < view.FirstToUpdate
            ? (old, set.Status.CurrentRevision)
            : (set.Spec.Template, view.Revision);
        var pod = PodTemplates.NewPod(template, set.Metadata.NamespaceProperty, name, owner);
        pod.Metadata.Labels[WellKnown.StatefulSetPodName] = name;
        pod.Metadata.Labels[WellKnown.PodIndex] = ordinal.ToString(CultureInfo.InvariantCulture);
        pod.Metadata.Labels[WellKnown.RevisionHash] = revision;
        if (StatefulSetAddresses.Of(set).At(ordinal - view.First) is { } address) pod.Metadata.Annotations[WellKnown.PodIP] = address.ToString();
        pod.Spec.Hostname = name;
        pod.Spec.Subdomain = set.Spec.ServiceName;
        return pod;
    }

    private static V1StatefulSetStatus Status(View view, DateTime now)
    {
        var (set, pods) = (view.Set, view.ByOrdinal.Values.Where(pod => !pod.IsFinished()).ToList());
        var ready = pods.Where(pod => pod.IsRunningAndReady()).ToList();
        var staying = pods.Where(pod => !pod.IsTerminating()).ToList();
        var current = string.IsNullOrEmpty(set.Status?.CurrentRevision) ? view.Revision : set.Status.CurrentRevision;
        var updated = staying.Count(view.IsCurrent);
        if (set.Spec.UpdateStrategy?.Type != "OnDelete" && updated == pods.Count && ready.Count == pods.Count) current = view.Revision;
        return new V1StatefulSetStatus
        {
            ObservedGeneration = set.Metadata.Generation,
            Replicas = pods.Count,
            ReadyReplicas = ready.Count,
            AvailableReplicas = ready.Count(pod => pod.IsAvailable(set.Spec.MinReadySeconds, now)),
            CurrentReplicas = staying.Count(pod => pod.GetLabel(WellKnown.RevisionHash) == current),
            UpdatedReplicas = updated,
            CurrentRevision = current,
            UpdateRevision = view.Revision,
            CollisionCount = set.Status?.CollisionCount ?? 0,
            Conditions = set.Status?.Conditions,
        };
    }

    private sealed class View(V1StatefulSet set, IEnumerable<V1Pod> pods, DateTime now, V1PodTemplateSpec? old)
    {
        public V1StatefulSet Set => set;

        public V1PodTemplateSpec? Old => old;

        public SortedDictionary<int, V1Pod> ByOrdinal { get; } = new(pods.ToDictionary(pod => OrdinalOf(set, pod)!.Value));

        public string Revision { get; } = $"{set.Metadata.Name}-{Objects.TemplateHash(set.Spec.Template)}";

        public bool Ordered => set.Spec.PodManagementPolicy != "Parallel";

        public int First => set.Spec.Ordinals?.Start ?? 0;

        /// <summary>Those below it keep the template that they have.</summary>
        public int FirstToUpdate => First + Math.Max(0, set.Spec.UpdateStrategy?.RollingUpdate?.Partition ?? 0);

        public int End => First + (set.Spec.Replicas ?? 1);

        public bool IsHealthy(V1Pod pod) =>
            pod.IsRunningAndReady() && !pod.IsTerminating() && pod.IsAvailable(set.Spec.MinReadySeconds, now);

        public bool IsCurrent(V1Pod pod) => pod.GetLabel(WellKnown.RevisionHash) == Revision;
    }
}
