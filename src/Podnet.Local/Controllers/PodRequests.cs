using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What pods ask of their node.</summary>
/// <param name="Cpu">Cores.</param>
/// <param name="Memory">Bytes.</param>
internal readonly record struct PodRequests(decimal Cpu, decimal Memory, int Pods)
{
    /// <summary>The containers together, or an init container that asks for more (kubernetes.io/docs/concepts/workloads/pods/init-containers).</summary>
    public static PodRequests Of(V1Pod pod)
    {
        var (together, most) = (default(PodRequests), default(PodRequests));
        foreach (var container in pod.Spec.InitContainers ?? [])
        {
            var own = Of(container);
            // A sidecar goes on beside all that come after it.
            if (container.RestartPolicy == "Always") together += own;
            else most = new(Math.Max(most.Cpu, together.Cpu + own.Cpu), Math.Max(most.Memory, together.Memory + own.Memory), 0);
        }
        foreach (var container in pod.Spec.Containers) together += Of(container);
        return new(Math.Max(together.Cpu, most.Cpu), Math.Max(together.Memory, most.Memory), 1);
    }

    public static PodRequests operator +(PodRequests a, PodRequests b) => new(a.Cpu + b.Cpu, a.Memory + b.Memory, a.Pods + b.Pods);

    /// <summary>What a node has too little of, in the scheduler's words; null where all of it fits.</summary>
    public string? LackOn(V1Node node)
    {
        var has = node.Status?.Allocatable;
        return Pods > Amount(has, "pods") ? "Too many pods"
            : Cpu > Amount(has, "cpu") ? "Insufficient cpu"
            : Memory > Amount(has, "memory") ? "Insufficient memory"
            : null;
    }

    private static PodRequests Of(V1Container container) =>
        new(Amount(container.Resources?.Requests, "cpu") ?? 0, Amount(container.Resources?.Requests, "memory") ?? 0, 0);

    private static decimal? Amount(IDictionary<string, ResourceQuantity>? amounts, string name) =>
        amounts is not null && amounts.TryGetValue(name, out var amount) ? amount.ToDecimal() : null;
}
