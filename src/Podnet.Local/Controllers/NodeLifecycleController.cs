using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="NodeLifecyclePlan"/>, by node.</summary>
internal sealed class NodeLifecycleController : IController
{
    /// <summary>The key of the pods that have no node.</summary>
    private const string NoNode = "";

    private readonly ControllerContext _context;
    private readonly WorkQueue<string> _queue;

    public NodeLifecycleController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<string>("NodeLifecycle", ReconcileAsync);
        context.Nodes.Changed += (before, now) =>
        {
            if (now is null) _queue.Add(before!.Metadata.Name);
        };
        context.Pods.Changed += (_, now) =>
        {
            if (now is null) return;
            if (now.IsBound() ? context.Nodes.Get(null, now.Spec.NodeName) is null : now.IsTerminating()) _queue.Add(now.Spec.NodeName ?? NoNode);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string node, CancellationToken ct)
    {
        NodeLifecycleDecision decision;
        if (node == NoNode)
        {
            decision = NodeLifecyclePlan.Unbound(_context.Pods.Items);
        }
        else
        {
            var pods = _context.Pods.Items.Where(pod => pod.Spec.NodeName == node).ToList();
            // Of a new node, the pods may be known before the node itself is.
            if (pods.Count == 0 || await _context.Client.GetAsync(Resources.Nodes, null, node, ct) is not null) return null;
            decision = NodeLifecyclePlan.WithoutNode(pods, _context.Now);
        }
        foreach (var pod in decision.Delete) await _context.Pods.DeleteAsync(pod.Metadata, gracePeriodSeconds: 0, ct);
        return decision.Recheck;
    }
}
