using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>
/// Which other pods a pod wants near it, or away from it, and how evenly it wants to be spread: what is required, not what is preferred
/// (kubernetes.io/docs/concepts/scheduling-eviction, "assign-pod-node" and "topology-spread-constraints").
/// </summary>
internal sealed class Neighbours(IEnumerable<V1Node> nodes)
{
    private readonly Dictionary<string, V1Node> _nodes = nodes.ToDictionary(node => node.Metadata.Name);
    private readonly List<(V1Pod Pod, V1Node Node)> _placed = [];

    /// <summary>Those that want others away: few, and every pod has to be compared with them.</summary>
    private readonly List<(V1Pod Pod, V1Node Node)> _apart = [];

    public void Add(V1Pod pod, string node)
    {
        if (!_nodes.TryGetValue(node, out var known)) return;
        _placed.Add((pod, known));
        if (Away(pod).Any()) _apart.Add((pod, known));
    }

    /// <returns>In the scheduler's words; null where nobody minds.</returns>
    public string? ObstacleOn(V1Node node, V1Pod pod)
    {
        var affinity = pod.Spec.Affinity;
        if (!(affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? []).All(term => IsNear(term, pod, node)))
            return "node(s) didn't match pod affinity rules";
        if (Away(pod).Any(term => _placed.Exists(other => Same(term.TopologyKey, other.Node, node) && Means(term, pod, other.Pod))))
            return "node(s) didn't match pod anti-affinity rules";
        if (_apart.Exists(other => Away(other.Pod).Any(term => Same(term.TopologyKey, other.Node, node) && Means(term, other.Pod, pod))))
            return "node(s) didn't satisfy existing pods anti-affinity rules";
        return (pod.Spec.TopologySpreadConstraints ?? []).Where(c => c.WhenUnsatisfiable == "DoNotSchedule").All(c => IsEven(c, pod, node))
            ? null
            : "node(s) didn't match pod topology spread constraints";
    }

    private static IEnumerable<V1PodAffinityTerm> Away(V1Pod pod) =>
        pod.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [];

    /// <summary>The first of pods that want each other near may go anywhere.</summary>
    private bool IsNear(V1PodAffinityTerm term, V1Pod pod, V1Node node)
    {
        if (Domain(node, term.TopologyKey) is null) return false;
        var meant = _placed.Where(other => Means(term, pod, other.Pod)).ToList();
        return meant.Count == 0 ? Means(term, pod, pod) : meant.Exists(other => Same(term.TopologyKey, other.Node, node));
    }

    private bool IsEven(V1TopologySpreadConstraint constraint, V1Pod pod, V1Node node)
    {
        if (Domain(node, constraint.TopologyKey) is not { } domain) return false;
        var selector = Selector.Of(constraint.LabelSelector);
        // Nodes that the pod cannot be on by its own selector or affinity do not count (nodeAffinityPolicy: Honor).
        var counts = _nodes.Values.Where(n => NodeAffinity.Holds(pod, n) && (pod.Spec.NodeSelector is not { } own || Selector.Of(own).Matches(n.Metadata.Labels)))
            .Select(n => Domain(n, constraint.TopologyKey)).OfType<string>().Distinct().ToDictionary(d => d, _ => 0);
        foreach (var (other, place) in _placed.Where(p => p.Pod.Metadata.NamespaceProperty == pod.Metadata.NamespaceProperty && !p.Pod.IsTerminating()))
        {
            if (Domain(place, constraint.TopologyKey) is { } at && counts.ContainsKey(at) && selector.Matches(other.Metadata.Labels)) counts[at]++;
        }
        var least = counts.Count == 0 || counts.Count < (constraint.MinDomains ?? 1) ? 0 : counts.Values.Min();
        var itself = selector.Matches(pod.Metadata.Labels) ? 1 : 0;
        return counts.GetValueOrDefault(domain) + itself - least <= constraint.MaxSkew;
    }

    /// <param name="of">Whose term it is: without namespaces, its own is meant.</param>
    private static bool Means(V1PodAffinityTerm term, V1Pod of, V1Pod other)
    {
        var everywhere = term.NamespaceSelector is { MatchLabels: null or { Count: 0 }, MatchExpressions: null or { Count: 0 } };
        var names = term.Namespaces is { Count: > 0 } some ? some : [of.Metadata.NamespaceProperty];
        return (everywhere || names.Contains(other.Metadata.NamespaceProperty)) && Selector.Of(term.LabelSelector).Matches(other.Metadata.Labels);
    }

    private static bool Same(string key, V1Node a, V1Node b) => Domain(a, key) is { } domain && domain == Domain(b, key);

    private static string? Domain(V1Node node, string key) => node.Metadata.Labels?.TryGetValue(key, out var value) == true ? value : null;
}
