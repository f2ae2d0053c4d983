using Podnet.Linux;

namespace Podnet.Local;

/// <summary>Where a local cluster keeps what, and what its namespaces are called.</summary>
/// <remarks>
/// /run/podnet/CLUSTER is a tmpfs of the cluster's own: what is in it ends with the cluster, and the writable layers of
/// containers may lie there while the machine's root file system is their lower layer (overlayfs refuses layers that overlap).
/// </remarks>
public sealed class ClusterPaths(string cluster)
{
    public string Cluster { get; } = cluster;

    /// <summary>Written before anything else is made and removed last: how a cluster is known to exist, also after a crash.</summary>
    public string Record => $"/run/podnet/{Cluster}.json";

    public string Run => $"/run/podnet/{Cluster}";

    /// <summary>Mode 0600; for kubectl, at 127.0.0.1.</summary>
    public string Kubeconfig => $"{Run}/kubeconfig";

    /// <summary>Mode 0600; for the agents, at the API server's address on the fabric.</summary>
    public string NodeKubeconfig => $"{Run}/node-kubeconfig";

    /// <summary>runc's --root.</summary>
    public string Runc => $"{Run}/runc";

    /// <summary>A folder per node, and in it one per sandbox and container: bundle, root file system, writable layers.</summary>
    public string Containers => $"{Run}/containers";

    /// <summary>What the root file systems of all containers share, read only.</summary>
    public string Layers => $"{Run}/layers";

    /// <summary>A file per running sandbox, NAMESPACE_POD, that holds the process id of its pause.</summary>
    public string Sandboxes => $"{Run}/sandboxes";

    public string Lib => $"/var/lib/podnet/{Cluster}";

    /// <summary>What the API server holds.</summary>
    public string Objects => $"{Lib}/objects.db";

    /// <summary>What Podnet's own processes of this cluster say, a file a process.</summary>
    public string Logs => $"{Lib}/log";

    /// <summary>What containers print: pods/NAMESPACE_POD_UID/CONTAINER/N.log.</summary>
    public string PodLogs => $"{Logs}/pods";

    /// <summary>The CNI plugin's data folder of one node.</summary>
    public string Ipam(string node) => $"{Lib}/nodes/{node}/ipam";

    /// <summary>Below each cgroup hierarchy.</summary>
    public string Cgroup => $"/podnet/{Cluster}";

    /// <summary>In the environment of every process of the cluster, so that <c>podnet down</c> finds it whatever happened.</summary>
    public const string EnvironmentMark = "PODNET_CLUSTER";

    public string FabricNamespace => $"podnet-{Cluster}-fabric";

    public string OutsideNamespace => $"podnet-{Cluster}-outside";

    public string NodeNamespace(string node) => $"podnet-{Cluster}-{node}";

    public NetworkNamespace OpenNode(string node) => NetworkNamespace.OpenNamed(NodeNamespace(node));

    /// <summary>The process id of a pod's pause; null where the pod has no running sandbox on this machine.</summary>
    public int? SandboxPid(string @namespace, string pod)
    {
        var file = $"{Sandboxes}/{@namespace}_{pod}";
        return File.Exists(file) && int.TryParse(File.ReadAllText(file), out var pid) && ProcessTable.IsAlive(pid) ? pid : null;
    }
}
