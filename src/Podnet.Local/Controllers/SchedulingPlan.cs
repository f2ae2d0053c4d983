using System.Collections.Immutable;
using System.Net;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Where a pod goes: to a node, or nowhere for now, and why.</summary>
internal sealed record Placement(V1Pod Pod, string? Node, string? Unschedulable);

/// <summary>
/// Nodes for all unbound pods at once. A pod goes to the node with the fewest pods of the same owner, then with the fewest
/// pods, then to the first by name.
/// </summary>
internal static class SchedulingPlan
{
    public static ImmutableArray<Placement> Decide(IEnumerable<V1Pod> pods, IEnumerable<V1Node> nodes)
    {
        var candidates = nodes.Where(node => node.Metadata.DeletionTimestamp is null)
            .OrderBy(node => node.Metadata.Name, StringComparer.Ordinal).ToList();
        var (load, waiting) = (new Load(candidates), new List<V1Pod>());
        foreach (var pod in pods.Where(pod => !pod.IsFinished()))
        {
            if (pod.IsBound()) load.Add(pod, pod.Spec.NodeName);
            else if (IsOurs(pod)) waiting.Add(pod);
        }
        var placements = ImmutableArray.CreateBuilder<Placement>(waiting.Count);
        foreach (var pod in waiting.OrderBy(pod => pod.Metadata.CreationTimestamp ?? DateTime.MaxValue)
            .ThenBy(pod => pod.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal))
        {
            var placement = Place(pod, candidates, load);
            if (placement.Node is { } node) load.Add(pod, node);
            placements.Add(placement);
        }
        return placements.ToImmutable();
    }

    private static bool IsOurs(V1Pod pod) =>
        !pod.IsTerminating() && pod.Spec.SchedulerName is null or "" or "default-scheduler" && pod.Spec.SchedulingGates is not { Count: > 0 };

    private static Placement Place(V1Pod pod, List<V1Node> nodes, Load load)
    {
        var wanted = WantedAddresses(pod, out var complaint);
        if (complaint is not null) return new Placement(pod, null, complaint);
        if (nodes.Count == 0) return new Placement(pod, null, "no nodes available to schedule pods");
        var (obstacles, fitting) = (new Dictionary<string, int>(), new List<string>());
        foreach (var node in nodes)
        {
            if (ObstacleOn(node, pod, wanted, load) is { } obstacle) obstacles[obstacle] = obstacles.GetValueOrDefault(obstacle) + 1;
            else fitting.Add(node.Metadata.Name);
        }
        if (fitting.Count > 0) return new Placement(pod, fitting.MinBy(node => load.Of(pod, node)), null);
        var reasons = string.Join(", ", obstacles.Select(o => $"{o.Value} {o.Key}").Order(StringComparer.Ordinal));
        return new Placement(pod, null, $"0/{nodes.Count} nodes are available: {reasons}.");
    }

    /// <summary>Why the pod cannot run there, in Kubernetes' own words where it has any; null if it can.</summary>
    private static string? ObstacleOn(V1Node node, V1Pod pod, IReadOnlyCollection<IPAddress> wanted, Load load)
    {
        if (node.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready") is not { Status: "True" }) return "node(s) were not ready";
        if (node.Status.Conditions.Any(c => c is { Type: "NetworkUnavailable", Status: "True" })) return "node(s) had no network";
        if (Mismatch(node, pod) is { } mismatch) return mismatch;
        if (load.With(pod, node.Metadata.Name).LackOn(node) is { } lack) return lack;
        if (load.HasPortOf(pod, node.Metadata.Name)) return "node(s) didn't have free ports for the requested pod ports";
        if (load.Neighbours.ObstacleOn(node, pod) is { } neighbours) return neighbours;
        var missing = wanted.FirstOrDefault(address => !PodCidrs.Of(node).Any(cidr => cidr.Contains(address)));
        return missing is null ? null : $"node(s) had no pod CIDR that contains {missing}";
    }

    /// <summary>Whether the pod belongs there by its selector and tolerations, be the node ready or not.</summary>
    public static bool Suits(V1Node node, V1Pod pod) => Mismatch(node, pod) is null;

    private static string? Mismatch(V1Node node, V1Pod pod)
    {
        var tolerations = pod.Spec.Tolerations ?? [];
        var unschedulable = new V1Taint { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" };
        if (node.Spec?.Unschedulable == true && !tolerations.Any(t => Tolerates(t, unschedulable))) return "node(s) were unschedulable";
        if (node.Spec?.Taints?.FirstOrDefault(t => t.Effect is "NoSchedule" or "NoExecute" && !tolerations.Any(by => Tolerates(by, t))) is { } taint)
            return $"node(s) had untolerated taint {{{taint.Key}: {taint.Value}}}";
        if ((pod.Spec.NodeSelector is { } selector && !Selector.Of(selector).Matches(node.Metadata.Labels)) || !NodeAffinity.Holds(pod, node))
            return "node(s) didn't match Pod's node affinity/selector";
        return null;
    }

    /// <summary>k8s.io/api/core/v1 toleration.go, ToleratesTaint: an empty key, effect or value means any where the operator allows it.</summary>
    public static bool Tolerates(V1Toleration toleration, V1Taint taint)
    {
        if (!string.IsNullOrEmpty(toleration.Effect) && toleration.Effect != taint.Effect) return false;
        if (!string.IsNullOrEmpty(toleration.Key) && toleration.Key != taint.Key) return false;
        return toleration.OperatorProperty == "Exists"
            || (toleration.OperatorProperty is null or "" or "Equal" && (toleration.Value ?? "") == (taint.Value ?? ""));
    }

    private static ImmutableArray<IPAddress> WantedAddresses(V1Pod pod, out string? complaint)
    {
        complaint = null;
        if (pod.GetAnnotation(WellKnown.PodIP) is not { } text) return [];
        var addresses = ImmutableArray.CreateBuilder<IPAddress>();
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (IPAddress.TryParse(entry, out var address)) addresses.Add(address);
            else complaint ??= $"annotation {WellKnown.PodIP}: \"{entry}\" is no IP address.";
        }
        return addresses.ToImmutable();
    }

    /// <summary>What is on each node: requests, pods of one owner, ports of the node, and which pods.</summary>
    private sealed class Load(IEnumerable<V1Node> nodes)
    {
        private readonly Dictionary<string, PodRequests> _perNode = [];
        private readonly Dictionary<(string Owner, string Node), int> _perOwner = [];
        private readonly Dictionary<string, List<HostPort>> _ports = [];

        public void Add(V1Pod pod, string node)
        {
            _perNode[node] = With(pod, node);
            Neighbours.Add(pod, node);
            if (HostPort.Of(pod) is { Count: > 0 } ports) _ports[node] = [.. _ports.GetValueOrDefault(node, []), .. ports];
            if (pod.Metadata.Controller()?.Uid is { } owner) _perOwner[(owner, node)] = _perOwner.GetValueOrDefault((owner, node)) + 1;
        }

        public Neighbours Neighbours { get; } = new(nodes);

        public PodRequests With(V1Pod pod, string node) => _perNode.GetValueOrDefault(node) + PodRequests.Of(pod);

        public bool HasPortOf(V1Pod pod, string node) =>
            _ports.TryGetValue(node, out var taken) && HostPort.Of(pod).Exists(port => taken.Exists(port.Conflicts));

        public (int OfOwner, int All) Of(V1Pod pod, string node) => (
            pod.Metadata.Controller()?.Uid is { } owner ? _perOwner.GetValueOrDefault((owner, node)) : 0,
            _perNode.GetValueOrDefault(node).Pods);
    }
}
