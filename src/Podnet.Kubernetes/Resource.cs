using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Podnet.Kubernetes;

/// <summary>A kind of object that the API server serves, and where.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Plural">The kind's name in paths: "endpointslices".</param>
public abstract record Resource(string Group, string Version, string Plural, string Kind, bool Namespaced)
{
    /// <summary>As objects carry it: "v1", "apps/v1".</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>How an object of this kind is read and written, and which fields it has.</summary>
    public abstract JsonTypeInfo TypeInfo { get; }

    /// <summary>
    /// The path of one object or, without a name, of the collection: "/apis/apps/v1/namespaces/default/deployments/web".
    /// A namespaced collection without a namespace is that of all namespaces.
    /// </summary>
    internal string Path(string? @namespace, string? name = null, string? subresource = null)
    {
        var path = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        if (Namespaced && @namespace is not null)
            path += $"/namespaces/{Uri.EscapeDataString(@namespace)}";
        path += $"/{Plural}";
        if (name is not null)
            path += $"/{Uri.EscapeDataString(name)}";
        return subresource is null ? path : $"{path}/{subresource}";
    }

    /// <summary>Items of lists come without apiVersion and kind; objects made here often, too.</summary>
    internal void Stamp(IKubernetesObject value)
    {
        value.ApiVersion = ApiVersion;
        value.Kind = Kind;
    }
}

/// <inheritdoc cref="Resource"/>
public sealed record Resource<T>(string Group, string Version, string Plural, string Kind, bool Namespaced, JsonTypeInfo<T> Json)
    : Resource(Group, Version, Plural, Kind, Namespaced)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public override JsonTypeInfo TypeInfo => Json;
}

/// <summary>The kinds that Podnet reads or serves.</summary>
public static class Resources
{
    public static readonly Resource<V1Node> Nodes = new("", "v1", "nodes", "Node", Namespaced: false, Json.V1Node);

    public static readonly Resource<V1Namespace> Namespaces =
        new("", "v1", "namespaces", "Namespace", Namespaced: false, Json.V1Namespace);

    public static readonly Resource<V1Pod> Pods = new("", "v1", "pods", "Pod", Namespaced: true, Json.V1Pod);

    public static readonly Resource<V1Service> Services = new("", "v1", "services", "Service", Namespaced: true, Json.V1Service);

    public static readonly Resource<V1ConfigMap> ConfigMaps =
        new("", "v1", "configmaps", "ConfigMap", Namespaced: true, Json.V1ConfigMap);

    public static readonly Resource<Corev1Event> Events = new("", "v1", "events", "Event", Namespaced: true, Json.Corev1Event);

    public static readonly Resource<V1EndpointSlice> EndpointSlices =
        new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", Namespaced: true, Json.V1EndpointSlice);

    /// <summary>Since Kubernetes 1.33.</summary>
    public static readonly Resource<V1ServiceCIDR> ServiceCidrs =
        new("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", Namespaced: false, Json.V1ServiceCIDR);

    /// <summary>Of Kubernetes 1.31 and 1.32, where somebody turned it on; the fields are the same.</summary>
    public static readonly Resource<V1ServiceCIDR> BetaServiceCidrs = ServiceCidrs with { Version = "v1beta1" };

    public static readonly Resource<V1StatefulSet> StatefulSets =
        new("apps", "v1", "statefulsets", "StatefulSet", Namespaced: true, Json.V1StatefulSet);

    public static readonly Resource<V1Deployment> Deployments =
        new("apps", "v1", "deployments", "Deployment", Namespaced: true, Json.V1Deployment);

    public static readonly Resource<V1ReplicaSet> ReplicaSets =
        new("apps", "v1", "replicasets", "ReplicaSet", Namespaced: true, Json.V1ReplicaSet);

    public static readonly Resource<V1DaemonSet> DaemonSets = new("apps", "v1", "daemonsets", "DaemonSet", Namespaced: true, Json.V1DaemonSet);

    public static readonly Resource<V1Job> Jobs = new("batch", "v1", "jobs", "Job", Namespaced: true, Json.V1Job);

    public static readonly Resource<V1Secret> Secrets = new("", "v1", "secrets", "Secret", Namespaced: true, Json.V1Secret);

    public static readonly Resource<V1ServiceAccount> ServiceAccounts =
        new("", "v1", "serviceaccounts", "ServiceAccount", Namespaced: true, Json.V1ServiceAccount);

    public static readonly Resource<V1Endpoints> Endpoints = new("", "v1", "endpoints", "Endpoints", Namespaced: true, Json.V1Endpoints);

    public static readonly Resource<V1Lease> Leases = new("coordination.k8s.io", "v1", "leases", "Lease", Namespaced: true, Json.V1Lease);

    public static readonly Resource<V1ControllerRevision> ControllerRevisions =
        new("apps", "v1", "controllerrevisions", "ControllerRevision", Namespaced: true, Json.V1ControllerRevision);

    public static readonly Resource<V1NetworkPolicy> NetworkPolicies =
        new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", Namespaced: true, Json.V1NetworkPolicy);

    public static readonly Resource<V1Ingress> Ingresses =
        new("networking.k8s.io", "v1", "ingresses", "Ingress", Namespaced: true, Json.V1Ingress);

    public static readonly Resource<V1Role> Roles = Rbac("roles", "Role", namespaced: true, Json.V1Role);

    public static readonly Resource<V1RoleBinding> RoleBindings = Rbac("rolebindings", "RoleBinding", namespaced: true, Json.V1RoleBinding);

    public static readonly Resource<V1ClusterRole> ClusterRoles = Rbac("clusterroles", "ClusterRole", namespaced: false, Json.V1ClusterRole);

    public static readonly Resource<V1ClusterRoleBinding> ClusterRoleBindings =
        Rbac("clusterrolebindings", "ClusterRoleBinding", namespaced: false, Json.V1ClusterRoleBinding);

    /// <summary>What a service account's "token" subresource takes and gives; there is no such object.</summary>
    internal static readonly Resource<Authenticationv1TokenRequest> TokenRequests =
        new("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest", Namespaced: true, Json.Authenticationv1TokenRequest);

    public static readonly ImmutableArray<Resource> All =
        [Nodes, Namespaces, Pods, Services, ConfigMaps, Events, EndpointSlices, ServiceCidrs, StatefulSets, Deployments, ReplicaSets,
            DaemonSets, Jobs, Secrets, ServiceAccounts, Endpoints, Leases, ControllerRevisions, NetworkPolicies, Ingresses, Roles, RoleBindings,
            ClusterRoles, ClusterRoleBindings];

    private static Resource<T> Rbac<T>(string plural, string kind, bool namespaced, JsonTypeInfo<T> json)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        new("rbac.authorization.k8s.io", "v1", plural, kind, namespaced, json);

    private static SourceGenerationContext Json => SourceGenerationContext.Default;
}
