using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="ReplicaSetPlan"/>.</summary>
internal sealed class ReplicaSetController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;
    private readonly PodWriter<V1ReplicaSet> _pods;

    public ReplicaSetController(ControllerContext context)
    {
        _context = context;
        _pods = new(context, Resources.ReplicaSets);
        _queue = context.NewQueue<ObjectName>("ReplicaSet", ReconcileAsync);
        context.ReplicaSets.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Pods.Changed += (before, now) =>
            Ownership.Notify(before, now, V1ReplicaSet.KubeKind, context.ReplicaSets, set => set.Spec.Selector, _queue.Add);
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.ReplicaSets.Get(name.Namespace, name.Name) is not { } set) return null;
        var decision = ReplicaSetPlan.Decide(set, _context.Pods.InNamespace(name.Namespace), _context.Now);
        if (!await Ownership.ApplyAsync(_context, _context.Pods, Resources.ReplicaSets, set, decision.Adopt, decision.Release, ct)) return null;
        var pods = Enumerable.Range(0, decision.Create)
            .Select(_ => ReplicaSetPlan.NewPod(set, $"{set.Metadata.Name}-{Objects.RandomSuffix()}"));
        await _pods.CreateAsync(set, pods, ct);
        await _pods.DeleteAsync(set, decision.Delete, ct);
        if (!Objects.Same(decision.Status, set.Status))
        {
            var changed = set.Clone();
            changed.Status = decision.Status;
            await _context.ReplicaSets.UpdateStatusAsync(changed, ct);
        }
        return decision.Recheck;
    }
}
