using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <param name="Delete">At once: no kubelet is there to end them.</param>
/// <param name="Recheck">When to look again though nothing changes; null for never.</param>
internal sealed record NodeLifecycleDecision(ImmutableArray<V1Pod> Delete, TimeSpan? Recheck);

/// <summary>Pods that no kubelet will ever end (pkg/controller/podgc/gc_controller.go).</summary>
internal static class NodeLifecyclePlan
{
    /// <summary>How long a pod may wait for a node that has not registered yet (podgc's quarantineTime).</summary>
    public static readonly TimeSpan Quarantine = TimeSpan.FromSeconds(40);

    /// <param name="pods">Bound to a node that is not there.</param>
    public static NodeLifecycleDecision WithoutNode(IEnumerable<V1Pod> pods, DateTime now)
    {
        var (delete, waiting) = (ImmutableArray.CreateBuilder<V1Pod>(), (TimeSpan?)null);
        foreach (var pod in pods)
        {
            var left = (pod.Metadata.CreationTimestamp ?? now) + Quarantine - now;
            // A pod that a kubelet has accepted did have a node: that one is gone.
            if (left <= TimeSpan.Zero || pod.Status?.StartTime is not null || pod.IsTerminating()) delete.Add(pod);
            else if (waiting is null || left < waiting) waiting = left;
        }
        return new NodeLifecycleDecision(delete.ToImmutable(), waiting);
    }

    /// <summary>Being deleted before they got a node.</summary>
    public static NodeLifecycleDecision Unbound(IEnumerable<V1Pod> pods) =>
        new([.. pods.Where(pod => pod.IsTerminating() && !pod.IsBound())], null);
}
