using System.Net;
using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>Every kind that is served. A new kind is a new entry here.</summary>
public sealed class ResourceTable
{
    private readonly Dictionary<(string Group, string Version, string Plural), ResourceDefinition> _byPath;
    private readonly ServiceAccountRules _accounts = new();

    /// <param name="serviceCidrs">One, or one of each family, the primary first.</param>
    public ResourceTable(IReadOnlyList<IPNetwork> serviceCidrs)
    {
        Namespaces = Core("namespaces", "Namespace", new NamespaceRules(), CoreTables.Namespace) with
        {
            Namespaced = false,
            ShortNames = ["ns"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        Pods = Core("pods", "Pod", new PodRules(new PodAccountAdmission(_accounts)), PodTable.Layout) with
        {
            ShortNames = ["po"],
            Categories = ["all"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        Services = Core("services", "Service", new ServiceRules(new ServiceAllocator(serviceCidrs)), CoreTables.Service) with
        {
            ShortNames = ["svc"],
            Categories = ["all"],
            HasStatus = true,
            DeleteReturnsObject = true,
        };
        ServiceCidrs = new("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", Namespaced: false, "networking.v1.ServiceCIDR",
            new ServiceCidrRules(serviceCidrs), ServiceCidrRules.Table)
        { HasStatus = true };
        All = [.. CoreKinds(), .. AppsKinds(), .. OtherKinds()];
        _byPath = All.ToDictionary(r => (r.Group, r.Version, r.Plural));
    }

    private ResourceDefinition[] CoreKinds() =>
    [
        Core("configmaps", "ConfigMap", new ConfigMapRules(), CoreTables.ConfigMap) with { ShortNames = ["cm"] },
        Core("endpoints", "Endpoints", new EndpointsRules(), StoredTables.Endpoints) with { ShortNames = ["ep"] },
        Core("events", "Event", new EventRules(), CoreTables.Event) with { ShortNames = ["ev"] },
        Namespaces,
        Core("nodes", "Node", new NodeRules(), CoreTables.Node) with { Namespaced = false, ShortNames = ["no"], HasStatus = true },
        Pods,
        Core("secrets", "Secret", new SecretRules(), StoredTables.Secret),
        Core("serviceaccounts", "ServiceAccount", _accounts, StoredTables.ServiceAccount) with { ShortNames = ["sa"], DeleteReturnsObject = true },
        Services,
    ];

    private static ResourceDefinition[] AppsKinds() =>
    [
        new("apps", "v1", "controllerrevisions", "ControllerRevision", Namespaced: true, "apps.v1.ControllerRevision", new ResourceRules(),
            StoredTables.ControllerRevision),
        Apps("daemonsets", "DaemonSet", new DaemonSetRules(), WorkloadTables.DaemonSet) with { ShortNames = ["ds"], HasScale = false },
        Apps("deployments", "Deployment", new DeploymentRules(), WorkloadTables.Deployment) with { ShortNames = ["deploy"] },
        Apps("replicasets", "ReplicaSet", new ReplicaSetRules(), WorkloadTables.ReplicaSet) with { ShortNames = ["rs"] },
        Apps("statefulsets", "StatefulSet", new StatefulSetRules(), WorkloadTables.StatefulSet) with { ShortNames = ["sts"] },
    ];

    private ResourceDefinition[] OtherKinds() =>
    [
        Review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", (reviews, asked) => reviews.WhoAmI(asked)),
        Review("authentication.k8s.io", "tokenreviews", "TokenReview", (reviews, asked) => reviews.Token(asked)),
        Review("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", (reviews, asked) => reviews.Access(asked)) with { Namespaced = true },
        Review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", (reviews, asked) => reviews.Access(asked)),
        Review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", (reviews, asked) => reviews.Rules(asked)),
        Review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", (reviews, asked) => reviews.Access(asked)),
        new("batch", "v1", "jobs", "Job", Namespaced: true, "batch.v1.Job", new JobRules(), WorkloadTables.Job)
        {
            Categories = ["all"], HasStatus = true, HasGeneration = true,
        },
        new("coordination.k8s.io", "v1", "leases", "Lease", Namespaced: true, "coordination.v1.Lease", new LeaseRules(), StoredTables.Lease),
        new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", Namespaced: true, "discovery.v1.EndpointSlice",
            new EndpointSliceRules(), CoreTables.EndpointSlice) { HasGeneration = true },
        new("networking.k8s.io", "v1", "ingresses", "Ingress", Namespaced: true, "networking.v1.Ingress", new IngressRules(), StoredTables.Ingress)
        {
            ShortNames = ["ing"], HasStatus = true, HasGeneration = true,
        },
        new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", Namespaced: true, "networking.v1.NetworkPolicy",
            new NetworkPolicyRules(), StoredTables.NetworkPolicy) { ShortNames = ["netpol"], HasGeneration = true },
        ServiceCidrs,
        Rbac("clusterrolebindings", "ClusterRoleBinding", new RoleBindingRules(), StoredTables.RoleBinding) with { Namespaced = false },
        Rbac("clusterroles", "ClusterRole", new RoleRules(), StoredTables.Role) with { Namespaced = false },
        Rbac("rolebindings", "RoleBinding", new RoleBindingRules(), StoredTables.RoleBinding),
        Rbac("roles", "Role", new RoleRules(), StoredTables.Role),
    ];

    /// <summary>In the order of group, then name.</summary>
    public IReadOnlyList<ResourceDefinition> All { get; }

    public ResourceDefinition Namespaces { get; }

    public ResourceDefinition Pods { get; }

    public ResourceDefinition Services { get; }

    public ResourceDefinition ServiceCidrs { get; }

    public ResourceDefinition? Find(string group, string version, string plural) => _byPath.GetValueOrDefault((group, version, plural));

    private static ResourceDefinition Core(string plural, string kind, ResourceRules rules, TableLayout table) =>
        new("", "v1", plural, kind, Namespaced: true, $"core.v1.{kind}", rules, table);

    private static ResourceDefinition Apps(string plural, string kind, ResourceRules rules, TableLayout table) =>
        new("apps", "v1", plural, kind, Namespaced: true, $"apps.v1.{kind}", rules, table)
        {
            Categories = ["all"],
            HasStatus = true,
            HasGeneration = true,
            HasScale = true,
        };

    private static ResourceDefinition Rbac(string plural, string kind, ResourceRules rules, TableLayout table) =>
        new("rbac.authorization.k8s.io", "v1", plural, kind, Namespaced: true, $"rbac.v1.{kind}", rules, table);

    private static ResourceDefinition Review(string group, string plural, string kind, Func<Reviews, JsonObject, JsonObject> answer) =>
        new(group, "v1", plural, kind, Namespaced: false, $"{group.Split('.')[0]}.v1.{kind}", new ResourceRules(), CoreTables.Namespace) { Answer = answer };
}
