using k8s;
using k8s.Models;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>Says of each NetworkPolicy and Ingress that nothing comes of it yet, where <c>kubectl get events</c> and describe show it.</summary>
internal sealed class UnservedKinds : IController
{
    public UnservedKinds(ControllerContext context)
    {
        Say(context, context.NetworkPolicies, Resources.NetworkPolicies,
            "Podnet does not act on NetworkPolicies yet: traffic is allowed as if this one were not there");
        Say(context, context.Ingresses, Resources.Ingresses,
            "Podnet has no ingress controller: use a Service of type LoadBalancer or NodePort to be reached from outside");
    }

    public Task RunAsync(CancellationToken ct) => Task.Delay(Timeout.Infinite, ct);

    private static void Say<T>(ControllerContext context, ObjectCache<T> cache, Resource<T> kind, string message)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        cache.Changed += (before, now) =>
        {
            if (before is null && now is not null) context.Events.Warning(kind, now, "NotActedOn", message);
        };
    }
}
