using k8s.Models;
using Podnet.Local.Config;

namespace Podnet.Local;

/// <summary>Node objects as a local cluster makes them.</summary>
public static class NodeObjects
{
    public static V1Node Make(NodeSpec node) =>
        Make(node.Name, [.. node.PodCidrs.Select(cidr => cidr.ToString())], node.Labels);

    /// <param name="podCidrs">None lets the controller give it the next free ones.</param>
    public static V1Node Make(string name, IReadOnlyList<string> podCidrs, IReadOnlyDictionary<string, string>? labels = null) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name,
            // As a kubelet labels its own node (Kubernetes, "Well-Known Labels").
            Labels = new Dictionary<string, string>(labels ?? new Dictionary<string, string>())
            {
                ["kubernetes.io/hostname"] = name,
                ["kubernetes.io/os"] = "linux",
                ["kubernetes.io/arch"] = "amd64",
            },
        },
        Spec = podCidrs.Count == 0 ? new V1NodeSpec() : new V1NodeSpec { PodCIDR = podCidrs[0], PodCIDRs = [.. podCidrs] },
    };
}
