using k8s.Models;

namespace Podnet.Local.Tests.Controllers;

/// <summary>Objects as the API server would hand them out, with what a test does not care about filled in.</summary>
internal static class Make
{
    public static readonly DateTime Now = new(2025, 6, 1, 12, 0, 0, DateTimeKind.Utc);

    public static V1ObjectMeta Meta(string name, Dictionary<string, string>? labels = null) => new()
    {
        Name = name,
        NamespaceProperty = "default",
        Uid = $"uid-of-{name}",
        ResourceVersion = "1",
        Generation = 1,
        CreationTimestamp = Now.AddHours(-1),
        Labels = labels,
    };

    public static Dictionary<string, string> App(string app) => new() { ["app"] = app };

    public static V1PodTemplateSpec Template(string app, string image = "nginx") => new()
    {
        Metadata = new V1ObjectMeta { Labels = App(app) },
        Spec = new V1PodSpec
        {
            Containers = [new V1Container { Name = app, Image = image, Ports = [new V1ContainerPort { Name = "web", ContainerPort = 80 }] }],
        },
    };

    public static V1StatefulSet StatefulSet(int replicas, string image = "nginx", string? podIPs = null) => new()
    {
        Metadata = Meta("nginx").With(m => m.Annotations = podIPs is null ? null : new Dictionary<string, string> { ["podnet.dev/pod-ips"] = podIPs }),
        Spec = new V1StatefulSetSpec
        {
            Replicas = replicas,
            ServiceName = "nginx",
            Selector = new V1LabelSelector { MatchLabels = App("nginx") },
            Template = Template("nginx", image),
        },
    };

    public static V1ReplicaSet ReplicaSet(int replicas) => new()
    {
        Metadata = Meta("web-1"),
        Spec = new V1ReplicaSetSpec
        {
            Replicas = replicas,
            Selector = new V1LabelSelector { MatchLabels = App("web") },
            Template = Template("web"),
        },
    };

    public static V1Deployment Deployment(int replicas, string image = "nginx") => new()
    {
        Metadata = Meta("web"),
        Spec = new V1DeploymentSpec
        {
            Replicas = replicas,
            Selector = new V1LabelSelector { MatchLabels = App("web") },
            Template = Template("web", image),
        },
    };

    public static V1Pod Pod(string name, string app = "web") => new()
    {
        Metadata = Meta(name, App(app)),
        Spec = Template(app).Spec,
        Status = new V1PodStatus { Phase = "Pending" },
    };

    public static V1Pod OwnedBy(this V1Pod pod, V1ObjectMeta owner, string kind = "ReplicaSet") => pod.With(p => p.Metadata.OwnerReferences =
    [
        new V1OwnerReference { ApiVersion = "apps/v1", Kind = kind, Name = owner.Name, Uid = owner.Uid, Controller = true },
    ]);

    public static V1Pod On(this V1Pod pod, string node) => pod.With(p => p.Spec.NodeName = node);

    public static V1Pod At(this V1Pod pod, params string[] addresses) => pod.With(p =>
    {
        p.Status.PodIP = addresses[0];
        p.Status.PodIPs = [.. addresses.Select(ip => new V1PodIP { Ip = ip })];
    });

    public static V1Pod Ready(this V1Pod pod, bool ready = true, DateTime? since = null) => pod.With(p =>
    {
        p.Status.Phase = "Running";
        p.Status.Conditions =
        [
            new V1PodCondition { Type = "Ready", Status = ready ? "True" : "False", LastTransitionTime = since ?? Now.AddMinutes(-1) },
        ];
    });

    public static V1Pod Terminating(this V1Pod pod) => pod.With(p => p.Metadata.DeletionTimestamp = Now);

    public static V1Pod Failed(this V1Pod pod) => pod.With(p => p.Status.Phase = "Failed");

    public static V1Pod Annotated(this V1Pod pod, string key, string value) =>
        pod.With(p => p.Metadata.Annotations = new Dictionary<string, string> { [key] = value });

    public static V1Node Node(string name, params string[] podCidrs) => new()
    {
        Metadata = Meta(name, new Dictionary<string, string> { ["kubernetes.io/hostname"] = name }).With(m => m.NamespaceProperty = null),
        Spec = new V1NodeSpec { PodCIDR = podCidrs.FirstOrDefault(), PodCIDRs = podCidrs.Length == 0 ? null : podCidrs },
        Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = "True" }] },
    };

    public static V1Service Service(string name = "web", params V1ServicePort[] ports) => new()
    {
        Metadata = Meta(name),
        Spec = new V1ServiceSpec
        {
            ClusterIP = "10.0.33.45",
            IpFamilies = ["IPv4"],
            Selector = App("web"),
            Ports = ports.Length > 0 ? ports : [new V1ServicePort { Name = "web", Port = 80, Protocol = "TCP" }],
        },
    };

    public static T With<T>(this T value, Action<T> change)
    {
        change(value);
        return value;
    }
}
