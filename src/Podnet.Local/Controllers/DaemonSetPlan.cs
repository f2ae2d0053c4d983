using System.Collections.Immutable;
using System.Globalization;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a DaemonSet needs next.</summary>
/// <param name="Recheck">When to look again though nothing changes; null for never.</param>
internal sealed record DaemonSetDecision(
    ImmutableArray<V1Pod> Adopt,
    ImmutableArray<V1Pod> Release,
    ImmutableArray<V1Pod> Create,
    ImmutableArray<V1Pod> Delete,
    V1DaemonSetStatus Status,
    TimeSpan? Recheck);

/// <summary>
/// The decisions of Kubernetes' pkg/controller/daemon: a pod on each node that the template may run on. A pod of an old template goes
/// while no more than maxUnavailable are missing; maxSurge is not used, so a node never has two.
/// </summary>
internal static class DaemonSetPlan
{
    /// <summary>What every daemon's pod tolerates: it is there for the node, whatever its state.</summary>
    private static readonly (string Key, string Effect)[] Tolerated =
    [
        ("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"), ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"), ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];

    public static DaemonSetDecision Decide(V1DaemonSet set, IEnumerable<V1Pod> pods, IEnumerable<V1Node> nodes, DateTime now)
    {
        var claims = Claims<V1Pod>.Of(set.Metadata, Selector.Of(set.Spec.Selector), pods);
        var hash = Objects.TemplateHash(set.Spec.Template);
        var template = NewPod(set, "", hash, "");
        var wanted = nodes.Where(node => node.Metadata.DeletionTimestamp is null && SchedulingPlan.Suits(node, template))
            .Select(node => node.Metadata.Name).Order(StringComparer.Ordinal).ToList();
        var onNode = claims.Owned.Where(pod => pod.IsBound()).ToLookup(pod => pod.Spec.NodeName, StringComparer.Ordinal);
        var (create, delete) = (new List<V1Pod>(), new List<V1Pod>());
        if (set.Metadata.DeletionTimestamp is null)
        {
            foreach (var node in wanted)
                Settle(set, hash, node, onNode[node], create, delete);
            delete.AddRange(onNode.Where(o => !wanted.Contains(o.Key)).SelectMany(o => o).Where(pod => !pod.IsTerminating()));
            delete.AddRange(Outdated(set, hash, wanted, onNode, now).Except(delete));
        }
        var serving = wanted.Select(node => Oldest(onNode[node])).OfType<V1Pod>().ToList();
        return new(
            claims.Adopt, claims.Release, [.. create], [.. delete], Status(set, hash, wanted, onNode, serving, now),
            serving.SoonestAvailable(set.Spec.MinReadySeconds, now));
    }

    /// <summary>One pod on a node: none too few, none too many, and a new one for one that has ended.</summary>
    private static void Settle(V1DaemonSet set, string hash, string node, IEnumerable<V1Pod> pods, List<V1Pod> create, List<V1Pod> delete)
    {
        var there = pods.ToList();
        var ended = there.Where(pod => pod.IsFinished() && !pod.IsTerminating()).ToList();
        delete.AddRange(ended);
        if (there.Count == 0)
            create.Add(NewPod(set, $"{set.Metadata.Name}-{Objects.RandomSuffix()}", hash, node));
        else
            delete.AddRange(there.Where(pod => pod.IsActive()).OrderBy(pod => pod.Metadata.CreationTimestamp).ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal).Skip(1));
    }

    private static IEnumerable<V1Pod> Outdated(
        V1DaemonSet set, string hash, List<string> wanted, ILookup<string, V1Pod> onNode, DateTime now)
    {
        if (set.Spec.UpdateStrategy?.Type == "OnDelete") return [];
        var old = wanted.Select(node => Oldest(onNode[node])).OfType<V1Pod>().Where(pod => !IsCurrent(pod, hash)).ToList();
        var unavailable = wanted.Count(node => Oldest(onNode[node]) is not { } pod || !pod.IsAvailable(set.Spec.MinReadySeconds, now));
        var allowed = Math.Max(1, MaxUnavailable(set, wanted.Count)) - unavailable;
        // What serves nobody costs nothing to replace.
        var (serving, idle) = (old.Where(pod => pod.IsAvailable(set.Spec.MinReadySeconds, now)), old.Where(pod => !pod.IsAvailable(set.Spec.MinReadySeconds, now)));
        return [.. idle, .. serving.Take(Math.Max(0, allowed))];
    }

    private static int MaxUnavailable(V1DaemonSet set, int nodes)
    {
        var text = set.Spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable?.Value ?? "1";
        if (!text.EndsWith('%')) return int.TryParse(text, CultureInfo.InvariantCulture, out var count) ? count : 1;
        return int.TryParse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture, out var percent) ? (percent * nodes + 99) / 100 : 1;
    }

    private static V1Pod? Oldest(IEnumerable<V1Pod> pods) => pods.Where(pod => pod.IsActive())
        .OrderBy(pod => pod.Metadata.CreationTimestamp).ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal).FirstOrDefault();

    private static bool IsCurrent(V1Pod pod, string hash) => pod.GetLabel(WellKnown.RevisionHash) == hash;

    private static V1Pod NewPod(V1DaemonSet set, string name, string hash, string node)
    {
        var owner = Owners.Reference(V1DaemonSet.KubeGroup + "/" + V1DaemonSet.KubeApiVersion, V1DaemonSet.KubeKind, set.Metadata);
        var pod = PodTemplates.NewPod(set.Spec.Template, set.Metadata.NamespaceProperty, name, owner);
        pod.Metadata.Labels[WellKnown.RevisionHash] = hash;
        pod.Spec.NodeName = node;
        pod.Spec.Tolerations =
        [
            .. pod.Spec.Tolerations ?? [],
            .. Tolerated.Select(t => new V1Toleration { Key = t.Key, Effect = t.Effect, OperatorProperty = "Exists" }),
        ];
        return pod;
    }

    private static V1DaemonSetStatus Status(
        V1DaemonSet set, string hash, List<string> wanted, ILookup<string, V1Pod> onNode, List<V1Pod> serving, DateTime now)
    {
        var available = serving.Count(pod => pod.IsAvailable(set.Spec.MinReadySeconds, now));
        return new()
        {
            ObservedGeneration = set.Metadata.Generation,
            DesiredNumberScheduled = wanted.Count,
            CurrentNumberScheduled = serving.Count,
            NumberMisscheduled = onNode.Where(o => !wanted.Contains(o.Key)).Count(o => o.Any(pod => pod.IsActive())),
            NumberReady = serving.Count(pod => pod.IsReady()),
            UpdatedNumberScheduled = serving.Count(pod => IsCurrent(pod, hash)),
            NumberAvailable = available,
            NumberUnavailable = wanted.Count - available,
            Conditions = set.Status?.Conditions,
            CollisionCount = set.Status?.CollisionCount,
        };
    }
}
