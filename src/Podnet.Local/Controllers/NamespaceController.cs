using System.Collections.Immutable;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Empties a namespace that is being deleted, then gives it free (pkg/controller/namespace/deletion).</summary>
internal sealed class NamespaceController : IController
{
    /// <summary>Objects that no cache shows going, such as Events. Arbitrary.</summary>
    private static readonly TimeSpan Recheck = TimeSpan.FromSeconds(1);

    private readonly ControllerContext _context;
    private readonly WorkQueue<string> _queue;
    private readonly ImmutableArray<Func<string, CancellationToken, Task<int>>> _kinds;

    public NamespaceController(ControllerContext context)
    {
        _context = context;
        _queue = context.NewQueue<string>("Namespace", ReconcileAsync);
        _kinds =
        [
            // Owners first, so that nobody makes anew what goes.
            Emptying(Resources.Deployments), Emptying(Resources.StatefulSets), Emptying(Resources.ReplicaSets),
            Emptying(Resources.DaemonSets), Emptying(Resources.Jobs), Emptying(Resources.ControllerRevisions),
            Emptying(Resources.Secrets), Emptying(Resources.ServiceAccounts), Emptying(Resources.Leases),
            Emptying(Resources.NetworkPolicies), Emptying(Resources.Ingresses),
            Emptying(Resources.Services), Emptying(Resources.Endpoints), Emptying(Resources.EndpointSlices), Emptying(Resources.ConfigMaps),
            Emptying(Resources.Pods), Emptying(Resources.Events),
        ];
        context.Namespaces.Changed += (_, now) =>
        {
            if (now?.Metadata.DeletionTimestamp is not null) _queue.Add(now.Metadata.Name);
        };
        foreach (var cache in context.Caches.Where(cache => cache.Resource.Namespaced))
        {
            cache.MetaChanged += (before, now) =>
            {
                if (now is null && context.Namespaces.Get(null, before!.NamespaceProperty)?.Metadata.DeletionTimestamp is not null)
                    _queue.Add(before.NamespaceProperty);
            };
        }
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private async Task<TimeSpan?> ReconcileAsync(string name, CancellationToken ct)
    {
        if (_context.Namespaces.Get(null, name) is not { Metadata.DeletionTimestamp: not null } leaving) return null;
        var left = 0;
        foreach (var empty in _kinds) left += await empty(name, ct);
        if (left > 0) return Recheck;
        if (leaving.Spec?.Finalizers is not { Count: > 0 }) return null;
        var patch = new JsonObject { ["spec"] = new JsonObject { ["finalizers"] = new JsonArray() } };
        await _context.Client.PatchAsync(Resources.Namespaces, null, name, patch, "finalize", ct);
        return null;
    }

    /// <summary>Deletes all objects of a kind in a namespace; the result is how many there were, those that take their time included.</summary>
    private Func<string, CancellationToken, Task<int>> Emptying<T>(Resource<T> kind)
        where T : class, IKubernetesObject<V1ObjectMeta> => async (name, ct) =>
        {
            var all = await _context.Client.ListAsync(kind, name, null, ct);
            foreach (var meta in all.Select(value => value.Metadata).Where(meta => meta.DeletionTimestamp is null))
            {
                try
                {
                    await _context.Client.DeleteAsync(kind, name, meta.Name, gracePeriodSeconds: null, ct, meta.Uid);
                }
                catch (ApiException e) when (e.IsNotFound || e.IsConflict)
                {
                    // Gone already.
                }
            }
            return all.Count;
        };
}
