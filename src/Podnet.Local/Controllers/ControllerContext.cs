using System.Collections.Immutable;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;
using Podnet.Kubernetes;

namespace Podnet.Local.Controllers;

/// <summary>What all controllers share: one cache per kind, the events, the clock.</summary>
internal sealed class ControllerContext
{
    /// <summary>Keys that one controller works on at a time; kube-controller-manager's default of --concurrent-…-syncs is 5.</summary>
    private const int Workers = 5;

    private readonly ILoggerFactory _loggers;

    public ControllerContext(ApiClient client, ILoggerFactory loggers, TimeProvider time)
    {
        (Client, _loggers, Time) = (client, loggers, time);
        var logger = loggers.CreateLogger("Podnet.Controllers.Cache");
        Nodes = new(client, Resources.Nodes, logger);
        Namespaces = new(client, Resources.Namespaces, logger);
        Pods = new(client, Resources.Pods, logger);
        Services = new(client, Resources.Services, logger);
        ConfigMaps = new(client, Resources.ConfigMaps, logger);
        EndpointSlices = new(client, Resources.EndpointSlices, logger);
        StatefulSets = new(client, Resources.StatefulSets, logger);
        Deployments = new(client, Resources.Deployments, logger);
        ReplicaSets = new(client, Resources.ReplicaSets, logger);
        DaemonSets = new(client, Resources.DaemonSets, logger);
        Jobs = new(client, Resources.Jobs, logger);
        Secrets = new(client, Resources.Secrets, logger);
        ServiceAccounts = new(client, Resources.ServiceAccounts, logger);
        Endpoints = new(client, Resources.Endpoints, logger);
        ControllerRevisions = new(client, Resources.ControllerRevisions, logger);
        NetworkPolicies = new(client, Resources.NetworkPolicies, logger);
        Ingresses = new(client, Resources.Ingresses, logger);
        Events = new EventRecorder(client, time, loggers.CreateLogger("Podnet.Controllers.Events"));
    }

    public ApiClient Client { get; }

    public TimeProvider Time { get; }

    /// <summary>UTC.</summary>
    public DateTime Now => Time.GetUtcNow().UtcDateTime;

    public EventRecorder Events { get; }

    public ObjectCache<V1Node> Nodes { get; }

    public ObjectCache<V1Namespace> Namespaces { get; }

    public ObjectCache<V1Pod> Pods { get; }

    public ObjectCache<V1Service> Services { get; }

    public ObjectCache<V1ConfigMap> ConfigMaps { get; }

    public ObjectCache<V1EndpointSlice> EndpointSlices { get; }

    public ObjectCache<V1StatefulSet> StatefulSets { get; }

    public ObjectCache<V1Deployment> Deployments { get; }

    public ObjectCache<V1ReplicaSet> ReplicaSets { get; }

    public ObjectCache<V1DaemonSet> DaemonSets { get; }

    public ObjectCache<V1Job> Jobs { get; }

    public ObjectCache<V1Secret> Secrets { get; }

    public ObjectCache<V1ServiceAccount> ServiceAccounts { get; }

    public ObjectCache<V1Endpoints> Endpoints { get; }

    public ObjectCache<V1ControllerRevision> ControllerRevisions { get; }

    public ObjectCache<V1NetworkPolicy> NetworkPolicies { get; }

    public ObjectCache<V1Ingress> Ingresses { get; }

    /// <summary>Of every kind but Event and Lease.</summary>
    public ImmutableArray<IObjectCache> Caches =>
    [
        Nodes, Namespaces, Pods, Services, ConfigMaps, EndpointSlices, StatefulSets, Deployments, ReplicaSets,
        DaemonSets, Jobs, Secrets, ServiceAccounts, Endpoints, ControllerRevisions, NetworkPolicies, Ingresses,
    ];

    public WorkQueue<TKey> NewQueue<TKey>(string controller, Func<TKey, CancellationToken, Task<TimeSpan?>> reconcile, int workers = Workers)
        where TKey : notnull =>
        new(controller, reconcile, workers, Time, _loggers.CreateLogger($"Podnet.Controllers.{controller}"));

    public static ObjectName NameOf(IKubernetesObject<V1ObjectMeta> value) => NameOf(value.Metadata);

    public static ObjectName NameOf(V1ObjectMeta meta) => new(meta.NamespaceProperty ?? "", meta.Name);
}
