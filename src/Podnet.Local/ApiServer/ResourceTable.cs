using System.Net;
using k8s.Models;

namespace Podnet.Local.ApiServer;

/// <summary>Every kind that is served. A new kind is a new entry here.</summary>
public sealed class ResourceTable
{
    private readonly Dictionary<(string Group, string Version, string Plural), ResourceDefinition> _byPath;

    /// <param name="serviceCidrs">One, or one of each family, the primary first.</param>
    public ResourceTable(IReadOnlyList<IPNetwork> serviceCidrs)
    {
        Namespaces = Core("namespaces", "Namespace", typeof(V1Namespace), new NamespaceRules(), CoreTables.Namespace) with
        {
            Namespaced = false,
            ShortNames = ["ns"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        Pods = Core("pods", "Pod", typeof(V1Pod), new PodRules(), PodTable.Layout) with
        {
            ShortNames = ["po"],
            Categories = ["all"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        Services = Core("services", "Service", typeof(V1Service), new ServiceRules(new ServiceAllocator(serviceCidrs)), CoreTables.Service) with
        {
            ShortNames = ["svc"],
            Categories = ["all"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        ServiceCidrs = new("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", Namespaced: false, typeof(V1ServiceCIDR),
            new ServiceCidrRules(serviceCidrs), ServiceCidrRules.Table)
        { HasStatus = true };
        All =
        [
            Core("configmaps", "ConfigMap", typeof(V1ConfigMap), new ConfigMapRules(), CoreTables.ConfigMap) with { ShortNames = ["cm"] },
            Core("events", "Event", typeof(Corev1Event), new EventRules(), CoreTables.Event) with { ShortNames = ["ev"] },
            Namespaces,
            Core("nodes", "Node", typeof(V1Node), new NodeRules(), CoreTables.Node) with
            {
                Namespaced = false, ShortNames = ["no"], HasStatus = true,
            },
            Pods,
            Services,
            Apps("deployments", "Deployment", typeof(V1Deployment), new DeploymentRules(), WorkloadTables.Deployment) with { ShortNames = ["deploy"] },
            Apps("replicasets", "ReplicaSet", typeof(V1ReplicaSet), new ReplicaSetRules(), WorkloadTables.ReplicaSet) with { ShortNames = ["rs"] },
            Apps("statefulsets", "StatefulSet", typeof(V1StatefulSet), new StatefulSetRules(), WorkloadTables.StatefulSet) with { ShortNames = ["sts"] },
            new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", Namespaced: true, typeof(V1EndpointSlice),
                new EndpointSliceRules(), CoreTables.EndpointSlice) { HasGeneration = true },
            ServiceCidrs,
        ];
        _byPath = All.ToDictionary(r => (r.Group, r.Version, r.Plural));
    }

    /// <summary>In the order of group, then name.</summary>
    public IReadOnlyList<ResourceDefinition> All { get; }

    public ResourceDefinition Namespaces { get; }

    public ResourceDefinition Pods { get; }

    public ResourceDefinition Services { get; }

    public ResourceDefinition ServiceCidrs { get; }

    public ResourceDefinition? Find(string group, string version, string plural) => _byPath.GetValueOrDefault((group, version, plural));

    private static ResourceDefinition Core(string plural, string kind, Type model, ResourceRules rules, TableLayout table) =>
        new("", "v1", plural, kind, Namespaced: true, model, rules, table);

    private static ResourceDefinition Apps(string plural, string kind, Type model, ResourceRules rules, TableLayout table) =>
        new("apps", "v1", plural, kind, Namespaced: true, model, rules, table)
        {
            Categories = ["all"],
            HasStatus = true,
            HasGeneration = true,
            HasScale = true,
        };
}
