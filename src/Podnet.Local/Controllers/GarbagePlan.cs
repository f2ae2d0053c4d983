using k8s.Models;

namespace Podnet.Local.Controllers;

internal enum OwnerState
{
    Present,

    /// <summary>There is no object of that name, or it has another uid.</summary>
    Gone,

    /// <summary>Of a kind that this API server does not serve: nobody can say.</summary>
    Unknown,
}

internal enum GarbageVerdict
{
    Keep,

    /// <summary>Some owners are gone and some are not: the references to those gone are taken off.</summary>
    Unlink,

    /// <summary>All owners are gone.</summary>
    Delete,
}

/// <summary>
/// Background deletion (kubernetes.io/docs/concepts/architecture/garbage-collection): an object goes when the last of its
/// owners has gone.
/// </summary>
internal static class GarbagePlan
{
    public static GarbageVerdict Decide(IEnumerable<OwnerState> owners)
    {
        var states = owners.ToList();
        if (!states.Contains(OwnerState.Gone)) return GarbageVerdict.Keep;
        return states.TrueForAll(state => state == OwnerState.Gone) ? GarbageVerdict.Delete : GarbageVerdict.Unlink;
    }

    public static OwnerState StateOf(V1OwnerReference reference, V1ObjectMeta? owner) =>
        owner?.Uid == reference.Uid ? OwnerState.Present : OwnerState.Gone;
}
