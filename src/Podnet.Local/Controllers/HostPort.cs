using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>A port of its node that a pod asks for.</summary>
/// <param name="Address">"0.0.0.0" for every one of the node's.</param>
internal readonly record struct HostPort(string Address, string Protocol, int Port)
{
    private const string Any = "0.0.0.0";

    /// <summary>A pod in the node's own network has there what its containers listen to.</summary>
    public static List<HostPort> Of(V1Pod pod) =>
    [
        .. pod.Spec.Containers.SelectMany(container => container.Ports ?? []).Select(port => new HostPort(
            port.HostIP is null or "" or "::" ? Any : port.HostIP,
            port.Protocol ?? "TCP",
            port.HostPort is > 0 and { } own ? own : pod.Spec.HostNetwork == true ? port.ContainerPort : 0)).Where(port => port.Port != 0),
    ];

    /// <summary>Every address conflicts with each (k8s.io/kube-scheduler framework/types.go, HostPortInfo).</summary>
    public bool Conflicts(HostPort other) =>
        Port == other.Port && Protocol == other.Protocol && (Address == Any || other.Address == Any || Address == other.Address);
}
