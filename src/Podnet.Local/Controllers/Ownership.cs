using System.Collections.Immutable;
using k8s;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Takes over orphans and lets go of what is no longer selected.</summary>
internal static class Ownership
{
    /// <returns>False if the owner is gone, or going, which its cache may have yet to learn: what it left behind stays without an owner.</returns>
    public static async Task<bool> ApplyAsync<T, TOwner>(
        ControllerContext context, ObjectCache<T> cache, Resource<TOwner> kind, TOwner owner, ImmutableArray<T> adopt, ImmutableArray<T> release,
        CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TOwner : class, IKubernetesObject<V1ObjectMeta>
    {
        if (adopt.Length > 0)
        {
            var now = await context.Client.GetAsync(kind, owner.Metadata.NamespaceProperty, owner.Metadata.Name, ct);
            if (now?.Metadata.Uid != owner.Metadata.Uid || now.Metadata.DeletionTimestamp is not null) return false;
        }
        foreach (var orphan in adopt)
        {
            var changed = orphan.Clone();
            changed.Metadata.OwnerReferences = [.. orphan.Metadata.OwnerReferences ?? [], Owners.Reference(kind.ApiVersion, kind.Kind, owner.Metadata)];
            await cache.UpdateAsync(changed, ct);
        }
        foreach (var lost in release)
        {
            var changed = lost.Clone();
            changed.Metadata.OwnerReferences = [.. lost.Metadata.OwnerReferences.Where(o => o.Uid != owner.Metadata.Uid)];
            await cache.UpdateAsync(changed, ct);
        }
        return true;
    }

    /// <summary>
    /// Tells which owners a change concerns: those that the object has or had and, for an orphan, those whose selector matches.
    /// </summary>
    public static void Notify<T, TOwner>(
        T? before, T? now, string ownerKind, ObjectCache<TOwner> owners, Func<TOwner, V1LabelSelector> selector,
        Action<ObjectName> add)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TOwner : class, IKubernetesObject<V1ObjectMeta>
    {
        foreach (var meta in new[] { before?.Metadata, now?.Metadata })
            if (meta?.Controller() is { } owner && owner.Kind == ownerKind) add(new(meta.NamespaceProperty, owner.Name));
        if (now is null || now.Metadata.Controller() is not null) return;
        foreach (var owner in owners.InNamespace(now.Metadata.NamespaceProperty))
            if (Selector.Of(selector(owner)).Matches(now.Metadata.Labels)) add(ControllerContext.NameOf(owner));
    }
}
