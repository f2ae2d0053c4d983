using System.Collections.Immutable;
using k8s;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Which objects are an owner's: what it controls, what it takes over, what it lets go.</summary>
/// <param name="Owned">Controlled and still selected, or about to be adopted.</param>
/// <param name="Adopt">Orphans that the selector selects; a part of <paramref name="Owned"/>.</param>
/// <param name="Release">Controlled, but their labels no longer match.</param>
internal sealed record Claims<T>(ImmutableArray<T> Owned, ImmutableArray<T> Adopt, ImmutableArray<T> Release)
    where T : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>
    /// An owner that is being deleted neither adopts nor releases, and nobody adopts or releases what is being deleted (as
    /// Kubernetes' pkg/controller/controller_ref_manager.go).
    /// </summary>
    public static Claims<T> Of(V1ObjectMeta owner, Selector selector, IEnumerable<T> candidates)
    {
        var (owned, adopt, release) = (new List<T>(), new List<T>(), new List<T>());
        var ownerLeaves = owner.DeletionTimestamp is not null;
        foreach (var candidate in candidates.Where(c => c.Metadata.NamespaceProperty == owner.NamespaceProperty)
            .OrderBy(c => c.Metadata.Name, StringComparer.Ordinal))
        {
            var meta = candidate.Metadata;
            var settled = ownerLeaves || meta.DeletionTimestamp is not null;
            var selected = selector.Matches(meta.Labels);
            if (meta.Controller() is { } controller)
            {
                if (controller.Uid != owner.Uid) continue;
                (selected || settled ? owned : release).Add(candidate);
            }
            else if (selected && !settled)
            {
                adopt.Add(candidate);
                owned.Add(candidate);
            }
        }
        return new Claims<T>([.. owned], [.. adopt], [.. release]);
    }
}
