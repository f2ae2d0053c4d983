namespace Podnet.Local.Controllers;

/// <summary>Labels and annotations that controllers read and write (kubernetes.io/docs/reference/labels-annotations-taints).</summary>
internal static class WellKnown
{
    /// <summary>On a StatefulSet: the addresses that its pods shall have, separated by commas, the first pod's first.</summary>
    public const string PodIPs = "podnet.dev/pod-ips";

    /// <summary>On a pod: the address that it shall have; two, separated by a comma, for dual stack.</summary>
    public const string PodIP = "podnet.dev/pod-ip";

    /// <summary>On a StatefulSet's pod: the revision of the template that it was made from.</summary>
    public const string RevisionHash = "controller-revision-hash";

    public const string StatefulSetPodName = "statefulset.kubernetes.io/pod-name";
    public const string PodIndex = "apps.kubernetes.io/pod-index";

    /// <summary>On a Deployment's ReplicaSets and their pods; a number, lower is deleted first, without it 0.</summary>
    public const string PodDeletionCost = "controller.kubernetes.io/pod-deletion-cost";

    public const string PodTemplateHash = "pod-template-hash";

    /// <summary>On a ReplicaSet: how many templates the Deployment had before, plus 1.</summary>
    public const string Revision = "deployment.kubernetes.io/revision";

    /// <summary>On a ReplicaSet: the replicas that its Deployment wanted when it was last scaled.</summary>
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";

    /// <summary>On a ReplicaSet: the desired replicas plus maxSurge when it was last scaled.</summary>
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";

    public const string ServiceName = "kubernetes.io/service-name";
    public const string ManagedBy = "endpointslice.kubernetes.io/managed-by";
    public const string EndpointSliceController = "endpointslice-controller.k8s.io";

    /// <summary>On the EndpointSlices of a Service without a cluster IP: no proxy acts on them.</summary>
    public const string Headless = "service.kubernetes.io/headless";

    public const string Zone = "topology.kubernetes.io/zone";
}
