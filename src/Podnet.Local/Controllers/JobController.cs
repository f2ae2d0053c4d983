using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="JobPlan"/>.</summary>
internal sealed class JobController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<ObjectName> _queue;
    private readonly PodWriter<V1Job> _pods;

    public JobController(ControllerContext context)
    {
        _context = context;
        _pods = new(context, Resources.Jobs);
        _queue = context.NewQueue<ObjectName>("Job", ReconcileAsync);
        context.Jobs.Changed += (before, now) => _queue.Add(ControllerContext.NameOf((now ?? before)!));
        context.Pods.Changed += (before, now) =>
        {
            var meta = (now ?? before)!.Metadata;
            if (meta.Controller() is { Kind: V1Job.KubeKind } owner) _queue.Add(new ObjectName(meta.NamespaceProperty, owner.Name));
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(ObjectName name, CancellationToken ct)
    {
        if (_context.Jobs.Get(name.Namespace, name.Name) is not { } job) return null;
        var decision = JobPlan.Decide(job, _context.Pods.InNamespace(name.Namespace), _context.Now);
        if (decision.Expired)
        {
            await _context.Jobs.DeleteAsync(job.Metadata, ct);
            return null;
        }
        await _pods.CreateAsync(job, decision.Create, ct);
        await _pods.DeleteAsync(job, decision.Delete, ct);
        if (!Objects.Same(decision.Status, job.Status))
        {
            var changed = job.Clone();
            changed.Status = decision.Status;
            await _context.Jobs.UpdateStatusAsync(changed, ct);
        }
        if (decision.Ended is { Reason: "CompletionsReached" }) _context.Events.Normal(Resources.Jobs, job, "Completed", "Job completed");
        else if (decision.Ended is { } end) _context.Events.Warning(Resources.Jobs, job, end.Reason, end.Message);
        return decision.Recheck;
    }
}
