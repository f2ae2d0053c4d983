using System.Text.Json.Nodes;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="DeploymentPlan"/>.</summary>
internal sealed class DeploymentController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;

    public DeploymentController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<ObjectName>("Deployment", ReconcileAsync);
        context.Deployments.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.ReplicaSets.Changed += (before, now) =>
            Ownership.Notify(before, now, V1Deployment.KubeKind, context.Deployments, d => d.Spec.Selector, _queue.Add);
        // Recreate waits for the last old pod to go.
        context.Pods.Changed += (before, now) =>
        {
            if (now is null && before?.Metadata.Controller() is { Kind: V1ReplicaSet.KubeKind } owner
                && context.ReplicaSets.Get(before.Metadata.NamespaceProperty, owner.Name)?.Metadata.Controller() is { } deployment)
                _queue.Add(new ObjectName(before.Metadata.NamespaceProperty, deployment.Name));
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.Deployments.Get(name.Namespace, name.Name) is not { } deployment) return null;
        var decision = DeploymentPlan.Decide(
            deployment, _context.ReplicaSets.InNamespace(name.Namespace), _context.Pods.InNamespace(name.Namespace), _context.Now);
        if (!await Ownership.ApplyAsync(_context, _context.ReplicaSets, Resources.Deployments, deployment, decision.Adopt, decision.Release, ct)) return null;
        // An adopted ReplicaSet has a new version now; its other changes come in the next round.
        foreach (var set in decision.Update.Where(set => decision.Adopt.All(a => a.Metadata.Uid != set.Metadata.Uid)))
        {
            var before = _context.ReplicaSets.Get(name.Namespace, set.Metadata.Name)?.Spec.Replicas;
            await _context.ReplicaSets.UpdateAsync(set, ct);
            Announce(deployment, set.Metadata.Name, before, set.Spec.Replicas);
        }
        if (decision.Create is { } created)
        {
            await _context.ReplicaSets.CreateAsync(created, ct);
            Announce(deployment, created.Metadata.Name, 0, created.Spec.Replicas);
        }
        foreach (var old in decision.Delete) await _context.ReplicaSets.DeleteAsync(old.Metadata, ct);
        if (decision.Revision is { } revision && deployment.GetAnnotation(WellKnown.Revision) != revision)
        {
            // The change comes back here, and then the status is written.
            await _context.Deployments.PatchAsync(deployment.Metadata,
                new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [WellKnown.Revision] = revision } } }, ct);
            return null;
        }
        if (!Objects.Same(decision.Status, deployment.Status))
        {
            var changed = deployment.Clone();
            changed.Status = decision.Status;
            await _context.Deployments.UpdateStatusAsync(changed, ct);
        }
        return DeploymentStatus.UntilDeadline(deployment, decision.Status, _context.Now);
    }

    private void Announce(V1Deployment deployment, string replicaSet, int? from, int? to)
    {
        if (from == to) return;
        _context.Events.Normal(Resources.Deployments, deployment, "ScalingReplicaSet",
            $"Scaled {(to > from ? "up" : "down")} replica set {replicaSet} from {from} to {to}");
    }
}
