using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Pods as their templates say.</summary>
internal static class PodTemplates
{
    public static V1Pod NewPod(V1PodTemplateSpec template, string @namespace, string name, V1OwnerReference owner) => new()
    {
        ApiVersion = V1Pod.KubeApiVersion,
        Kind = V1Pod.KubeKind,
        Metadata = new V1ObjectMeta
        {
            Name = name,
            NamespaceProperty = @namespace,
            Labels = Copy(template.Metadata?.Labels),
            Annotations = Copy(template.Metadata?.Annotations),
            OwnerReferences = [owner],
        },
        Spec = template.Spec.Clone(),
    };

    public static Dictionary<string, string> Copy(IDictionary<string, string>? pairs) =>
        pairs is null ? [] : new Dictionary<string, string>(pairs, StringComparer.Ordinal);
}
