using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="StatefulSetPlan"/>.</summary>
internal sealed class StatefulSetController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;
    private readonly PodWriter<V1StatefulSet> _pods;

    public StatefulSetController(ControllerContext context)
    {
        _context = context;
        _pods = new(context, Resources.StatefulSets);
        _queue = context.NewQueue<ObjectName>("StatefulSet", ReconcileAsync);
        context.StatefulSets.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Pods.Changed += (before, now) =>
            Ownership.Notify(before, now, V1StatefulSet.KubeKind, context.StatefulSets, set => set.Spec.Selector, _queue.Add);
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.StatefulSets.Get(name.Namespace, name.Name) is not { } set) return null;
        var current = set.Status?.CurrentRevision ?? "";
        var decision = StatefulSetPlan.Decide(set, _context.Pods.InNamespace(name.Namespace), _context.Now,
            _context.ControllerRevisions.Get(name.Namespace, current) is { } revision ? RevisionPlan.TemplateOf(revision) : null);
        if (decision.Complaint is { } complaint) _context.Events.Warning(Resources.StatefulSets, set, "InvalidPodIPs", complaint);
        // A StatefulSet's pods carry the name of their revision, which is the set's name and the hash.
        var used = _context.Pods.InNamespace(name.Namespace).Where(pod => pod.Metadata.IsControlledBy(set.Metadata))
            .Select(pod => pod.GetLabel(WellKnown.RevisionHash)?.Split('-')[^1] ?? "").Append(current.Split('-')[^1]).ToHashSet(StringComparer.Ordinal);
        await RevisionPlan.Decide(
            set.Metadata, Owners.Reference(Resources.StatefulSets.ApiVersion, V1StatefulSet.KubeKind, set.Metadata), set.Spec.Selector, set.Spec.Template,
            set.Spec.RevisionHistoryLimit, _context.ControllerRevisions.InNamespace(name.Namespace), used).ApplyAsync(_context, new() { Name = RevisionPlan.NameOf(set.Metadata, set.Spec.Template), NamespaceProperty = name.Namespace }, ct);
        if (!await Ownership.ApplyAsync(_context, _context.Pods, Resources.StatefulSets, set, decision.Adopt, decision.Release, ct)) return null;
        await _pods.CreateAsync(set, decision.Create, ct);
        await _pods.DeleteAsync(set, decision.Delete, ct);
        if (!Objects.Same(decision.Status, set.Status))
        {
            var changed = set.Clone();
            changed.Status = decision.Status;
            await _context.StatefulSets.UpdateStatusAsync(changed, ct);
        }
        return decision.Recheck;
    }
}
