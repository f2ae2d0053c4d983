using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Which pods of a node must leave it for its taints (pkg/controller/tainteviction).</summary>
internal static class TaintEvictionPlan
{
    /// <param name="since">When a pod was first seen with the taints that it tolerates for a time.</param>
    /// <returns>What must go now, and when the next one must; null for none.</returns>
    public static (ImmutableArray<V1Pod> Evict, TimeSpan? Recheck) Decide(V1Node node, IEnumerable<V1Pod> pods, Func<V1Pod, DateTime> since, DateTime now)
    {
        var taints = (node.Spec?.Taints ?? []).Where(taint => taint.Effect == "NoExecute").ToList();
        var (evict, recheck) = (ImmutableArray.CreateBuilder<V1Pod>(), (TimeSpan?)null);
        foreach (var pod in pods.Where(pod => taints.Count > 0 && !pod.IsTerminating()))
        {
            if (Tolerated(pod, taints) is not { } tolerated) continue;
            var left = tolerated - (now - since(pod));
            if (left <= TimeSpan.Zero) evict.Add(pod);
            else if (recheck is null || left < recheck) recheck = left;
        }
        return (evict.ToImmutable(), recheck);
    }

    /// <summary>How long the pod bears all of them, the least of what its tolerations say; null for as long as it likes.</summary>
    private static TimeSpan? Tolerated(V1Pod pod, List<V1Taint> taints)
    {
        TimeSpan? least = null;
        foreach (var taint in taints)
        {
            var tolerations = (pod.Spec.Tolerations ?? []).Where(t => SchedulingPlan.Tolerates(t, taint)).ToList();
            if (tolerations.Count == 0) return TimeSpan.Zero;
            if (tolerations.Min(t => t.TolerationSeconds) is { } seconds && (least is null || seconds < least.Value.TotalSeconds))
                least = TimeSpan.FromSeconds(Math.Max(0, seconds));
        }
        return least;
    }
}
