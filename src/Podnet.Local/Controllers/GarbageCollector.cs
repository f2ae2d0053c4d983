using k8s.Models;
using Podnet.Core.Model;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Controllers;

/// <summary>Carries out <see cref="GarbagePlan"/> for the objects of every kind.</summary>
internal sealed class GarbageCollector : IController
{
    private readonly WorkQueue<Key> _queue;
    private readonly Lock _lock = new();

    /// <summary>By the owner's uid.</summary>
    private readonly Dictionary<string, HashSet<Key>> _children = [];

    private readonly Dictionary<(string ApiVersion, string Kind), IObjectCache> _kinds;

    public GarbageCollector(ControllerContext context)
    {
        _kinds = context.Caches.ToDictionary(cache => (cache.Resource.ApiVersion, cache.Resource.Kind));
        _queue = context.NewQueue<Key>("GarbageCollector", ReconcileAsync);
        foreach (var cache in context.Caches) cache.MetaChanged += (before, now) => Changed(cache, before, now);
    }

    public Task RunAsync(CancellationToken ct) => _queue.RunAsync(ct);

    private void Changed(IObjectCache cache, V1ObjectMeta? before, V1ObjectMeta? now)
    {
        var key = new Key(cache, ControllerContext.NameOf((now ?? before)!));
        lock (_lock)
        {
            foreach (var owner in before?.OwnerReferences ?? [])
                if (_children.TryGetValue(owner.Uid, out var siblings) && siblings.Remove(key) && siblings.Count == 0) _children.Remove(owner.Uid);
            foreach (var owner in now?.OwnerReferences ?? [])
            {
                if (!_children.TryGetValue(owner.Uid, out var siblings)) _children[owner.Uid] = siblings = [];
                siblings.Add(key);
            }
            // An owner that goes last looks again whenever one of its own is gone.
            if (now is null)
                foreach (var owner in before!.OwnerReferences ?? [])
                    if (KindOf(owner) is { } kind) _queue.Add(new Key(kind, NameOf(kind, owner, before)));
            if (now is null && _children.TryGetValue(before!.Uid, out var orphans))
                foreach (var orphan in orphans) _queue.Add(orphan);
        }
        if (now is not null && IsWaiting(now)) _queue.Add(key);
        if (now?.OwnerReferences?.Any(owner => StateIn(cache: KindOf(owner), owner, now) == OwnerState.Gone) == true) _queue.Add(key);
    }

    private async Task<TimeSpan?> ReconcileAsync(Key key, CancellationToken ct)
    {
        if (key.Cache.MetaOf(key.Name) is { } owning && IsWaiting(owning))
        {
            await DeleteChildrenAsync(key, owning, ct);
            return null;
        }
        if (key.Cache.MetaOf(key.Name) is not { OwnerReferences.Count: > 0, DeletionTimestamp: null } meta) return null;
        var states = new Dictionary<string, OwnerState>();
        foreach (var owner in meta.OwnerReferences) states[owner.Uid] = await StateOfAsync(owner, meta, ct);
        switch (GarbagePlan.Decide(states.Values))
        {
            case GarbageVerdict.Delete:
                // That it was released before its owner went, its own cache may have yet to learn.
                var now = await key.Cache.ReadMetaAsync(key.Name, ct);
                if (now?.OwnerReferences?.All(owner => states.ContainsKey(owner.Uid)) == true) await key.Cache.DeleteAsync(meta, ct);
                break;
            case GarbageVerdict.Unlink:
                await key.Cache.SetOwnersAsync(key.Name, owner => states.GetValueOrDefault(owner.Uid) != OwnerState.Gone, ct);
                break;
        }
        return null;
    }

    /// <summary>Deleted "in the foreground": its children go first.</summary>
    private static bool IsWaiting(V1ObjectMeta meta) =>
        meta.DeletionTimestamp is not null && meta.Finalizers?.Contains(ObjectRegistry.ForegroundDeletion) == true;

    private async Task DeleteChildrenAsync(Key key, V1ObjectMeta owner, CancellationToken ct)
    {
        List<Key> children;
        lock (_lock) children = _children.TryGetValue(owner.Uid, out var known) ? [.. known] : [];
        foreach (var child in children)
        {
            if (child.Cache.MetaOf(child.Name) is { DeletionTimestamp: null } meta) await child.Cache.DeleteAsync(meta, ct);
        }
        if (children.Count == 0) await key.Cache.ReleaseAsync(key.Name, ObjectRegistry.ForegroundDeletion, ct);
    }

    /// <summary>The caches of two kinds are not of the same moment: that an owner is gone is believed of the API server only.</summary>
    private async Task<OwnerState> StateOfAsync(V1OwnerReference owner, V1ObjectMeta child, CancellationToken ct)
    {
        var cache = KindOf(owner);
        var state = StateIn(cache, owner, child);
        return state == OwnerState.Gone ? GarbagePlan.StateOf(owner, await cache!.ReadMetaAsync(NameOf(cache, owner, child), ct)) : state;
    }

    private static OwnerState StateIn(IObjectCache? cache, V1OwnerReference owner, V1ObjectMeta child) =>
        cache is null ? OwnerState.Unknown : GarbagePlan.StateOf(owner, cache.MetaOf(NameOf(cache, owner, child)));

    private IObjectCache? KindOf(V1OwnerReference owner) => _kinds.GetValueOrDefault((owner.ApiVersion, owner.Kind));

    /// <summary>An owner lives in its child's namespace, or in none.</summary>
    private static ObjectName NameOf(IObjectCache cache, V1OwnerReference owner, V1ObjectMeta child) =>
        new(cache.Resource.Namespaced ? child.NamespaceProperty ?? "" : "", owner.Name);

    private sealed record Key(IObjectCache Cache, ObjectName Name)
    {
        public override string ToString() => $"{Cache.Resource.Kind} {Name}";
    }
}
