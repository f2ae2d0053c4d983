using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <param name="PodCidrs">The cluster's pod CIDRs, at most one of a family, of which nodes get their parts; empty leaves nodes as they are.</param>
/// <param name="AuthorityPem">The certificate that pods trust the API server by.</param>
public sealed record ControllerOptions(ImmutableArray<IPNetwork> PodCidrs, string AuthorityPem)
{
    /// <summary>Null: Services of type LoadBalancer wait for an address.</summary>
    public ILoadBalancerNetwork? LoadBalancers { get; init; }

    /// <summary>Null: there is no Service default/kubernetes.</summary>
    public KubernetesService? Kubernetes { get; init; }
}

internal interface IController
{
    Task RunAsync(CancellationToken ct);
}

/// <summary>
/// What kube-controller-manager, kube-scheduler and a cloud's load balancers are to a cluster: StatefulSets, Deployments, ReplicaSets,
/// EndpointSlices, node pod CIDRs, load balancers' addresses, scheduling, eviction by taints, garbage collection. It keeps no state of its own.
/// </summary>
public sealed class ControllerManager(ApiClient client, ControllerOptions options, ILoggerFactory loggers, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Until cancelled. While there is no API server, it waits for one.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        var began = _time.GetTimestamp();
        var context = new ControllerContext(client, loggers, _time);
        // Before the caches are filled, so that each hears of every object.
        IController[] controllers =
        [
            new PodCidrController(context, options.PodCidrs),
            new StatefulSetController(context),
            new DeploymentController(context),
            new ReplicaSetController(context),
            new DaemonSetController(context),
            new JobController(context),
            new Scheduler(context),
            new EndpointSliceController(context),
            new EndpointsController(context),
            new ServiceAccountController(context),
            new RootCaController(context, options.AuthorityPem),
            new AccountSecretController(context, options.AuthorityPem),
            .. options.Kubernetes is { } service ? [new KubernetesServiceController(context, service)] : Array.Empty<IController>(),
            new UnservedKinds(context),
            new LoadBalancerController(context, options.LoadBalancers),
            new NodeLifecycleController(context),
            new TaintEvictionController(context),
            new NamespaceController(context),
            new GarbageCollector(context),
        ];
        using var all = CancellationTokenSource.CreateLinkedTokenSource(ct);
        List<Task> tasks = [.. context.Caches.Select(cache => cache.RunAsync(all.Token)), context.Events.RunAsync(all.Token)];
        try
        {
            var synced = Task.WhenAll(context.Caches.Select(cache => cache.Synced));
            await await Task.WhenAny([synced, .. tasks]);
            loggers.CreateLogger("Podnet.Controllers").Running(_time.GetElapsedTime(began));
            tasks.AddRange(controllers.Select(controller => controller.RunAsync(all.Token)));
            await await Task.WhenAny(tasks);
        }
        finally
        {
            await all.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
