using Podnet.Linux;

namespace Podnet.Local;

/// <summary>Where a local cluster keeps what, and what its namespaces are called.</summary>
/// <remarks>
/// /var/lib/podnet/CLUSTER is what is kept while the cluster is stopped or the machine is down. /run/podnet/CLUSTER is a tmpfs of the
/// cluster's own: what is in it ends when the cluster stops, and the writable layers of containers may lie there while the machine's
/// root file system is their lower layer (overlayfs refuses layers that overlap).
/// </remarks>
public sealed class ClusterPaths(string cluster)
{
    public string Cluster { get; } = cluster;

    /// <summary>Written before anything else is made and removed last: how a cluster is known to exist, also after a crash.</summary>
    public string Record => $"{Lib}/cluster.json";

    /// <summary>Has a folder per cluster that runs.</summary>
    public const string RunFolder = "/run/podnet";

    public string Run => $"{RunFolder}/{Cluster}";

    /// <summary>Holds the control plane's process id while it runs.</summary>
    public string ControlPlanePid => $"{Run}/control-plane.pid";

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

    /// <summary>Mode 0600: the API server's port, token and certificate.</summary>
    public string Identity => $"{Lib}/api-server.json";

    /// <summary>Held by who starts the cluster.</summary>
    public string StartLock => $"{Lib}/start.lock";

    /// <summary>What Podnet's own processes of this cluster say, a file a process.</summary>
    public string Logs => $"{Lib}/log";

    /// <summary>What containers print: pods/NAMESPACE_POD_UID/CONTAINER/N.log.</summary>
    public string PodLogs => $"{Logs}/pods";

    /// <summary>A folder per node.</summary>
    public string Nodes => $"{Lib}/nodes";

    /// <summary>The CNI plugin's data folder of one node.</summary>
    public string Ipam(string node) => $"{Nodes}/{node}/ipam";

    /// <summary>What comes from registries, until it is in the image store.</summary>
    public string Pulls => $"{Lib}/pulls";

    /// <summary>Below each cgroup hierarchy.</summary>
    public string Cgroup => $"/podnet/{Cluster}";

    /// <summary>In the environment of every process of the cluster, so that <c>podnet down</c> finds it whatever happened.</summary>
    public const string EnvironmentMark = "PODNET_CLUSTER";

    public string FabricNamespace => $"podnet-{Cluster}-fabric";

    public string OutsideNamespace => $"podnet-{Cluster}-outside";

    public string NodeNamespace(string node) => $"podnet-{Cluster}-{node}";

    /// <summary>Whether the control plane is there; a cluster that exists and does not run is stopped, or was killed.</summary>
    public bool IsRunning() =>
        File.Exists(ControlPlanePid) && int.TryParse(File.ReadAllText(ControlPlanePid), out var pid)
        && ProcessTable.IsAlive(pid) && ProcessTable.EnvironmentVariable(pid, EnvironmentMark) == Cluster;

    public NetworkNamespace OpenNode(string node) => NetworkNamespace.OpenNamed(NodeNamespace(node));

    /// <summary>The process id of a pod's pause; null where the pod has no running sandbox on this machine.</summary>
    public int? SandboxPid(string @namespace, string pod)
    {
        var file = $"{Sandboxes}/{@namespace}_{pod}";
        return File.Exists(file) && int.TryParse(File.ReadAllText(file), out var pid) && ProcessTable.IsAlive(pid) ? pid : null;
    }
}
