using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>A Deployment and its ReplicaSets: which is the new one, which are old, and the limits that the strategy sets.</summary>
internal sealed class Rollout
{
    public Rollout(V1Deployment deployment, ImmutableArray<V1ReplicaSet> replicaSets)
    {
        Deployment = deployment;
        All = [.. replicaSets.OrderBy(set => set.Metadata.CreationTimestamp ?? DateTime.MaxValue)
            .ThenBy(set => set.Metadata.Name, StringComparer.Ordinal)];
        New = All.FirstOrDefault(set => Objects.SameTemplate(set.Spec.Template, deployment.Spec.Template));
        Old = [.. All.Where(set => set != New)];
        var strategy = deployment.Spec.Strategy?.RollingUpdate;
        IsRecreate = deployment.Spec.Strategy?.Type == "Recreate";
        MaxSurge = IsRecreate ? 0 : Resolve(strategy?.MaxSurge, Replicas, roundUp: true);
        MaxUnavailable = IsRecreate ? 0 : Math.Min(Replicas, Resolve(strategy?.MaxUnavailable, Replicas, roundUp: false));
        // Both 0, which percentages of few replicas round to, would let nothing move.
        if (!IsRecreate && MaxSurge == 0 && MaxUnavailable == 0) MaxUnavailable = 1;
    }

    public V1Deployment Deployment { get; }

    /// <summary>The oldest first.</summary>
    public ImmutableArray<V1ReplicaSet> All { get; }

    /// <summary>The one of the Deployment's template; null until it is created.</summary>
    public V1ReplicaSet? New { get; }

    public ImmutableArray<V1ReplicaSet> Old { get; }

    public int Replicas => Deployment.Spec.Replicas ?? 1;

    public bool IsRecreate { get; }

    /// <summary>Pods more than <see cref="Replicas"/> while templates change.</summary>
    public int MaxSurge { get; }

    /// <summary>Available pods fewer than <see cref="Replicas"/> while templates change.</summary>
    public int MaxUnavailable { get; }

    /// <summary>The number of the new ReplicaSet's template: one more than the highest that an old one has, unless it is higher already.</summary>
    public long Revision => Math.Max(New is null ? 0 : RevisionOf(New), Old.Select(RevisionOf).DefaultIfEmpty(0).Max() + 1);

    /// <summary>Its replicas were changed since its ReplicaSets were last scaled.</summary>
    public bool WasResized => All.Any(set => (set.Spec.Replicas ?? 1) > 0
        && set.Metadata.Annotations is { } annotations && annotations.TryGetValue(WellKnown.DesiredReplicas, out var text)
        && int.TryParse(text, out var desired) && desired != Replicas);

    /// <summary>Every pod is of the new template and available, and the ReplicaSets' status says so.</summary>
    public bool IsComplete => New is { Status: { } status } && New.Spec.Replicas == Replicas && status.Replicas == Replicas
        && (status.AvailableReplicas ?? 0) == Replicas && Old.All(old => (old.Status?.Replicas ?? 0) == 0 && (old.Spec.Replicas ?? 1) == 0);

    public static long RevisionOf(V1ReplicaSet set) =>
        long.TryParse(set.GetAnnotation(WellKnown.Revision), CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    /// <summary>A number, or a percentage of <paramref name="total"/>; without a value it is 25 %, as Kubernetes' default.</summary>
    private static int Resolve(IntOrString? value, int total, bool roundUp)
    {
        var text = value?.Value ?? "25%";
        if (!text.EndsWith('%')) return int.TryParse(text, CultureInfo.InvariantCulture, out var count) ? Math.Max(0, count) : 0;
        if (!int.TryParse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture, out var percent)) return 0;
        var hundredths = (long)Math.Max(0, percent) * total;
        return (int)((hundredths + (roundUp ? 99 : 0)) / 100);
    }
}
