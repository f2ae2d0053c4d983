using System.Collections.Concurrent;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="TaintEvictionPlan"/>.</summary>
internal sealed class TaintEvictionController : IController
{
    private readonly ControllerContext _context;
    private readonly WorkQueue<string> _queue;

    /// <summary>By the pod's uid: when it was first seen on a node with such taints.</summary>
    private readonly ConcurrentDictionary<string, DateTime> _since = [];

    public TaintEvictionController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<string>("TaintEviction", ReconcileAsync);
        context.Nodes.Changed += (_, now) =>
        {
            if (now is not null) _queue.Add(now.Metadata.Name);
        };
        context.Pods.Changed += (before, now) =>
        {
            if (now is null) _since.TryRemove(before!.Metadata.Uid, out _);
            else if (now.IsBound() && before?.IsBound() != true) _queue.Add(now.Spec.NodeName);
        };
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string name, CancellationToken ct)
    {
        var pods = _context.Pods.Items.Where(pod => pod.Spec.NodeName == name).ToList();
        if (_context.Nodes.Get(null, name) is not { } node || node.Spec?.Taints?.Any(taint => taint.Effect == "NoExecute") != true)
        {
            foreach (var pod in pods) _since.TryRemove(pod.Metadata.Uid, out _);
            return null;
        }
        var (evict, recheck) = TaintEvictionPlan.Decide(node, pods, pod => _since.GetOrAdd(pod.Metadata.Uid, _context.Now), _context.Now);
        foreach (var pod in evict)
        {
            _context.Events.Normal(Resources.Pods, pod, "TaintManagerEviction", $"Marking for deletion Pod {pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}");
            await _context.Pods.DeleteAsync(pod.Metadata, ct);
        }
        return recheck;
    }
}
