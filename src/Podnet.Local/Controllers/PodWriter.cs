using System.Collections.Immutable;
using k8s;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>What StatefulSets and ReplicaSets do to pods, with an Event on the owner for each.</summary>
internal sealed class PodWriter<TOwner>(ControllerContext context, Resource<TOwner> kind)
    where TOwner : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Requests at a time for one owner. Arbitrary.</summary>
    private const int Parallelism = 8;

    public Task CreateAsync(TOwner owner, IEnumerable<V1Pod> pods, CancellationToken ct) => ForEachAsync(pods, ct, async (pod, token) =>
    {
        try
        {
            await context.Pods.CreateAsync(pod, token);
        }
        catch (ApiException e) when (e.Code != 0)
        {
            context.Events.Warning(kind, owner, "FailedCreate", $"Error creating: {e.Message}");
            throw;
        }
        context.Events.Normal(kind, owner, "SuccessfulCreate", $"Created pod: {pod.Metadata.Name}");
    });

    public Task DeleteAsync(TOwner owner, IEnumerable<V1Pod> pods, CancellationToken ct) => ForEachAsync(pods, ct, async (pod, token) =>
    {
        await context.Pods.DeleteAsync(pod.Metadata, token);
        context.Events.Normal(kind, owner, "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
    });

    private static Task ForEachAsync(IEnumerable<V1Pod> pods, CancellationToken ct, Func<V1Pod, CancellationToken, ValueTask> act) =>
        Parallel.ForEachAsync(pods, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = ct }, act);
}

/// <summary>Takes over orphans and lets go of what is no longer selected.</summary>
internal static class Ownership
{
    public static async Task ApplyAsync<T, TOwner>(
        ObjectCache<T> cache, Resource<TOwner> kind, TOwner owner, ImmutableArray<T> adopt, ImmutableArray<T> release, CancellationToken ct)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TOwner : class, IKubernetesObject<V1ObjectMeta>
    {
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
    }

    /// <summary>
    /// Tells which owners a change concerns: those that the object has or had and, for an orphan, those whose selector matches.
    /// </summary>
    public static void Notify<T, TOwner>(
        T? before, T? now, string ownerKind, ObjectCache<TOwner> owners, Func<TOwner, V1LabelSelector> selector,
        Action<Core.Model.ObjectName> add)
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
