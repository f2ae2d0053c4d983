using System.Text.Json.Nodes;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="SchedulingPlan"/>, for all pods at once and by one worker: each placement counts the others.</summary>
internal sealed class Scheduler : IController
{
    private const string Everything = "cluster";

    /// <summary>Bindings written at a time. Arbitrary.</summary>
    private const int Parallelism = 8;

    private readonly ControllerContext _context;
    private readonly WorkQueue<string> _queue;

    public Scheduler(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<string>("Scheduler", ReconcileAsync, workers: 1);
        context.Nodes.Changed += (before, now) =>
        {
            if (!SameToPods(before, now)) _queue.Add(Everything);
        };
        context.Pods.Changed += (before, now) =>
        {
            // A pod that waits, or one that has left room behind.
            if (now is null || !now.IsBound() || now.IsFinished()) _queue.Add(Everything);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private static bool SameToPods(V1Node? before, V1Node? now) =>
        before is not null && now is not null && Objects.Same(before.Spec, now.Spec)
        && Objects.Same(before.Metadata.Labels, now.Metadata.Labels)
        && before.Metadata.DeletionTimestamp == now.Metadata.DeletionTimestamp
        && Conditions(before).SequenceEqual(Conditions(now));

    private static IEnumerable<(string, string)> Conditions(V1Node node) =>
        (node.Status?.Conditions ?? []).Select(c => (c.Type, c.Status)).Order();

    private async Task<TimeSpan?> ReconcileAsync(string everything, CancellationToken ct)
    {
        var placements = SchedulingPlan.Decide(_context.Pods.Items, _context.Nodes.Items);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct };
        await Parallel.ForEachAsync(placements, options, async (placement, token) =>
        {
            try
            {
                if (placement.Node is { } node) await BindAsync(placement.Pod, node, token);
                else await RefuseAsync(placement.Pod, placement.Unschedulable!, token);
            }
            catch (ApiException e) when (e.IsNotFound)
            {
                // Deleted meanwhile: nothing is left to place.
            }
        });
        return null;
    }

    private async Task BindAsync(V1Pod pod, string node, CancellationToken ct)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Metadata.Uid },
            ["spec"] = new JsonObject { ["nodeName"] = node },
        };
        await _context.Pods.PatchAsync(pod.Metadata, patch, ct);
        var name = $"{pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}";
        _context.Events.Normal(Resources.Pods, pod, "Scheduled", $"Successfully assigned {name} to {node}");
    }

    private async Task RefuseAsync(V1Pod pod, string why, CancellationToken ct)
    {
        var before = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled");
        if (before is { Status: "False", Reason: "Unschedulable" } && before.Message == why) return;
        var changed = pod.Clone();
        changed.Status ??= new V1PodStatus { Phase = "Pending" };
        changed.Status.Conditions =
        [
            .. (changed.Status.Conditions ?? []).Where(c => c.Type != "PodScheduled"),
            new V1PodCondition
            {
                Type = "PodScheduled",
                Status = "False",
                Reason = "Unschedulable",
                Message = why,
                LastTransitionTime = before?.Status == "False" ? before.LastTransitionTime : _context.Now,
            },
        ];
        await _context.Pods.UpdateStatusAsync(changed, ct);
        _context.Events.Warning(Resources.Pods, pod, "FailedScheduling", why);
    }
}
