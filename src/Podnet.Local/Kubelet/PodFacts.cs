using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What follows from a pod's object alone.</summary>
internal static class PodFacts
{
    /// <summary>"v4" or "v4,v6": the addresses that the pod is to have.</summary>
    public const string AddressAnnotation = "podnet.dev/pod-ip";

    /// <summary>Kubernetes' default for terminationGracePeriodSeconds.</summary>
    private const long DefaultGrace = 30;

    /// <summary>"default/web-0".</summary>
    public static string FullName(this V1Pod pod) => $"{pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}";

    public static bool UsesHostNetwork(this V1Pod pod) => pod.Spec.HostNetwork == true;

    /// <summary>A host name has at most 63 characters; Kubernetes cuts a longer pod name there.</summary>
    public static string Hostname(this V1Pod pod)
    {
        const int longest = 63;
        var name = pod.Spec.Hostname is { Length: > 0 } own ? own : pod.Metadata.Name;
        return name.Length <= longest ? name : name[..longest].TrimEnd('-', '.');
    }

    public static IReadOnlyList<string> RequestedAddresses(this V1Pod pod) =>
        pod.Metadata.Annotations?.TryGetValue(AddressAnnotation, out var wanted) == true
            ? wanted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : [];

    /// <summary>How long its containers may take to end; Kubernetes gives at least a second.</summary>
    public static TimeSpan Grace(this V1Pod pod) =>
        TimeSpan.FromSeconds(Math.Max(
            1, pod.Metadata.DeletionGracePeriodSeconds ?? pod.Spec.TerminationGracePeriodSeconds ?? DefaultGrace));

    public static bool IsFinished(this V1Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    public static string Cgroup(this V1Pod pod, ClusterPaths paths) => $"{paths.Cgroup}/{pod.Metadata.Uid}";

    public static string LogFolder(this V1Pod pod, ClusterPaths paths) =>
        $"{paths.PodLogs}/{pod.Metadata.NamespaceProperty}_{pod.Metadata.Name}_{pod.Metadata.Uid}";

    /// <param name="run">How often the container had been restarted before.</param>
    public static string LogFile(this V1Pod pod, ClusterPaths paths, string container, int run) => $"{pod.LogFolder(paths)}/{container}/{run}.log";
}
