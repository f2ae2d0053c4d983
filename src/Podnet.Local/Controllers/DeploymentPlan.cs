using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a Deployment needs next.</summary>
/// <param name="Revision">The number of the template that is rolled out, which the Deployment shows, too; null before there is one.</param>
/// <param name="Update">ReplicaSets as they should be; replicas, revision and annotations may differ from what they are.</param>
internal sealed record DeploymentDecision(
    ImmutableArray<V1ReplicaSet> Adopt,
    ImmutableArray<V1ReplicaSet> Release,
    V1ReplicaSet? Create,
    ImmutableArray<V1ReplicaSet> Update,
    ImmutableArray<V1ReplicaSet> Delete,
    V1DeploymentStatus Status,
    string? Revision);

/// <summary>
/// The decisions of Kubernetes' pkg/controller/deployment: a ReplicaSet per template, named by the template's hash, and
/// replicas moved from the old ones to the new one within maxSurge and maxUnavailable.
/// </summary>
internal static class DeploymentPlan
{
    /// <summary>Old ReplicaSets kept for going back, where the Deployment does not say.</summary>
    private const int DefaultHistory = 10;

    public static DeploymentDecision Decide(
        V1Deployment deployment, IEnumerable<V1ReplicaSet> replicaSets, IEnumerable<V1Pod> pods, DateTime now)
    {
        var claims = Claims<V1ReplicaSet>.Of(deployment.Metadata, Selector.Of(deployment.Spec.Selector), replicaSets);
        var rollout = new Rollout(deployment, claims.Owned);
        V1ReplicaSet? create = null;
        IReadOnlyDictionary<V1ReplicaSet, int> scaled = ImmutableDictionary<V1ReplicaSet, int>.Empty;
        var leaving = deployment.Metadata.DeletionTimestamp is not null;
        if (!leaving)
        {
            if (rollout.New is null && deployment.Spec.Paused != true)
            {
                var replicas = rollout.IsRecreate
                    ? (AllGone(rollout, pods) ? rollout.Replicas : 0)
                    : RollingUpdate.NewReplicas(rollout);
                create = NewReplicaSet(rollout, replicas);
            }
            scaled = Scale(rollout, pods);
        }
        return new DeploymentDecision(
            claims.Adopt,
            claims.Release,
            create,
            leaving ? [] : [.. Updates(rollout, scaled)],
            leaving || create is not null ? [] : [.. History(rollout)],
            DeploymentStatus.Of(rollout, create is not null, now),
            leaving || (rollout.New is null && create is null) ? null : rollout.Revision.ToString(CultureInfo.InvariantCulture));
    }

    private static IReadOnlyDictionary<V1ReplicaSet, int> Scale(Rollout rollout, IEnumerable<V1Pod> pods)
    {
        if (rollout.Deployment.Spec.Paused == true || rollout.WasResized) return ProportionalScale.Of(rollout);
        if (!rollout.IsRecreate) return RollingUpdate.Of(rollout);
        if (rollout.Old.Any(old => Replicas(old) > 0)) return rollout.Old.Where(old => Replicas(old) > 0).ToDictionary(old => old, _ => 0);
        return rollout.New is { } @new && AllGone(rollout, pods)
            ? new Dictionary<V1ReplicaSet, int> { [@new] = rollout.Replicas }
            : ImmutableDictionary<V1ReplicaSet, int>.Empty;
    }

    /// <summary>Recreate: no pod of an old template is left, not even one that is terminating.</summary>
    private static bool AllGone(Rollout rollout, IEnumerable<V1Pod> pods) =>
        !pods.Any(pod => !pod.IsFinished() && rollout.Old.Any(old => pod.Metadata.IsControlledBy(old.Metadata)));

    private static IEnumerable<V1ReplicaSet> Updates(Rollout rollout, IReadOnlyDictionary<V1ReplicaSet, int> scaled)
    {
        foreach (var set in rollout.All.Where(set => set.Metadata.DeletionTimestamp is null))
        {
            var replicas = scaled.TryGetValue(set, out var wanted) ? wanted : Replicas(set);
            var annotations = PodTemplates.Copy(set.Metadata.Annotations);
            if (replicas > 0 || set == rollout.New) Mark(annotations, rollout);
            if (set == rollout.New) CopyAnnotations(rollout.Deployment, annotations);
            if (set == rollout.New) annotations[WellKnown.Revision] = rollout.Revision.ToString(CultureInfo.InvariantCulture);
            if (replicas == Replicas(set) && Objects.Same(annotations, set.Metadata.Annotations)) continue;
            var update = set.Clone();
            update.Metadata.Annotations = annotations;
            update.Spec.Replicas = replicas;
            yield return update;
        }
    }

    /// <summary>So that <c>kubectl rollout history</c> shows why (kubernetes.io/change-cause), and <c>undo</c> brings them back.</summary>
    private static void CopyAnnotations(V1Deployment deployment, Dictionary<string, string> into)
    {
        foreach (var (name, value) in PodTemplates.Copy(deployment.Metadata.Annotations))
        {
            // kubectl's record of the Deployment says nothing about a ReplicaSet; the others are written there by this plan.
            if (name != "kubectl.kubernetes.io/last-applied-configuration" && !name.StartsWith("deployment.kubernetes.io/", StringComparison.Ordinal))
                into[name] = value;
        }
    }

    private static void Mark(Dictionary<string, string> annotations, Rollout rollout)
    {
        annotations[WellKnown.DesiredReplicas] = rollout.Replicas.ToString(CultureInfo.InvariantCulture);
        annotations[WellKnown.MaxReplicas] = (rollout.Replicas + rollout.MaxSurge).ToString(CultureInfo.InvariantCulture);
    }

    private static V1ReplicaSet NewReplicaSet(Rollout rollout, int replicas)
    {
        var (deployment, hash) = (rollout.Deployment, Objects.TemplateHash(rollout.Deployment.Spec.Template));
        var template = deployment.Spec.Template.Clone();
        template.Metadata ??= new V1ObjectMeta();
        template.Metadata.Labels = PodTemplates.Copy(template.Metadata.Labels);
        template.Metadata.Labels[WellKnown.PodTemplateHash] = hash;
        var selector = deployment.Spec.Selector.Clone();
        selector.MatchLabels = PodTemplates.Copy(selector.MatchLabels);
        selector.MatchLabels[WellKnown.PodTemplateHash] = hash;
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        CopyAnnotations(deployment, annotations);
        annotations[WellKnown.Revision] = rollout.Revision.ToString(CultureInfo.InvariantCulture);
        Mark(annotations, rollout);
        return new V1ReplicaSet
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{deployment.Metadata.Name}-{hash}",
                NamespaceProperty = deployment.Metadata.NamespaceProperty,
                Labels = PodTemplates.Copy(template.Metadata.Labels),
                Annotations = annotations,
                OwnerReferences =
                [
                    Owners.Reference(V1Deployment.KubeGroup + "/" + V1Deployment.KubeApiVersion, V1Deployment.KubeKind, deployment.Metadata),
                ],
            },
            Spec = new V1ReplicaSetSpec
            {
                Replicas = replicas,
                MinReadySeconds = deployment.Spec.MinReadySeconds,
                Selector = selector,
                Template = template,
            },
        };
    }

    /// <summary>Old ReplicaSets beyond revisionHistoryLimit, the oldest revision first, once the rollout is complete.</summary>
    private static IEnumerable<V1ReplicaSet> History(Rollout rollout)
    {
        if (!rollout.IsComplete) return [];
        var idle = rollout.Old.Where(set => Replicas(set) == 0 && (set.Status?.Replicas ?? 0) == 0
            && set.Metadata.DeletionTimestamp is null && (set.Status?.ObservedGeneration ?? 0) >= (set.Metadata.Generation ?? 0)).ToList();
        var surplus = idle.Count - (rollout.Deployment.Spec.RevisionHistoryLimit ?? DefaultHistory);
        return idle.OrderBy(Rollout.RevisionOf).ThenBy(set => set.Metadata.Name, StringComparer.Ordinal).Take(Math.Max(0, surplus));
    }

    private static int Replicas(V1ReplicaSet set) => set.Spec.Replicas ?? 1;
}
