using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="DaemonSetPlan"/>.</summary>
internal sealed class DaemonSetController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;
    private readonly PodWriter<V1DaemonSet> _pods;

    public DaemonSetController(ControllerContext context)
    {
        _context = context;
        _pods = new(context, Resources.DaemonSets);
        _queue = context.NewQueue<ObjectName>("DaemonSet", ReconcileAsync);
        context.DaemonSets.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Pods.Changed += (before, now) =>
            Ownership.Notify(before, now, V1DaemonSet.KubeKind, context.DaemonSets, set => set.Spec.Selector, _queue.Add);
        context.Nodes.Changed += (_, _) =>
        {
            foreach (var set in context.DaemonSets.Items) _queue.Add(ControllerContext.NameOf(set));
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.DaemonSets.Get(name.Namespace, name.Name) is not { } set) return null;
        var decision = DaemonSetPlan.Decide(set, _context.Pods.InNamespace(name.Namespace), _context.Nodes.Items, _context.Now);
        var used = _context.Pods.InNamespace(name.Namespace).Where(pod => pod.Metadata.IsControlledBy(set.Metadata))
            .Select(pod => pod.GetLabel(WellKnown.RevisionHash) ?? "").ToHashSet(StringComparer.Ordinal);
        await RevisionPlan.Decide(
            set.Metadata, Owners.Reference(Resources.DaemonSets.ApiVersion, V1DaemonSet.KubeKind, set.Metadata), set.Spec.Selector, set.Spec.Template,
            set.Spec.RevisionHistoryLimit, _context.ControllerRevisions.InNamespace(name.Namespace), used).ApplyAsync(_context, new() { Name = RevisionPlan.NameOf(set.Metadata, set.Spec.Template), NamespaceProperty = name.Namespace }, ct);
        if (!await Ownership.ApplyAsync(_context, _context.Pods, Resources.DaemonSets, set, decision.Adopt, decision.Release, ct)) return null;
        await _pods.CreateAsync(set, decision.Create, ct);
        await _pods.DeleteAsync(set, decision.Delete, ct);
        if (!Objects.Same(decision.Status, set.Status))
        {
            var changed = set.Clone();
            changed.Status = decision.Status;
            await _context.DaemonSets.UpdateStatusAsync(changed, ct);
        }
        return decision.Recheck;
    }
}
