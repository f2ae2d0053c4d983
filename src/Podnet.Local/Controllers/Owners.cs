using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>ownerReferences: which object controls which.</summary>
internal static class Owners
{
    /// <summary>The one owner that manages the object; null for an orphan.</summary>
    public static V1OwnerReference? Controller(this V1ObjectMeta meta) => meta.OwnerReferences?.FirstOrDefault(o => o.Controller == true);

    public static bool IsControlledBy(this V1ObjectMeta meta, V1ObjectMeta owner) => meta.Controller()?.Uid == owner.Uid;

    public static V1OwnerReference Reference(string apiVersion, string kind, V1ObjectMeta owner) => new()
    {
        ApiVersion = apiVersion,
        Kind = kind,
        Name = owner.Name,
        Uid = owner.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };
}
