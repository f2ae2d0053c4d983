using System.CommandLine;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local;
using Podnet.Local.Config;

namespace Podnet.Cli;

/// <summary>Which local cluster a command is about, and how to reach it.</summary>
internal static class ClusterOption
{
    internal static Option<string> Create() => new("--name")
    {
        Description = "The local cluster's name.",
        DefaultValueFactory = _ => ClusterSpec.DefaultName,
    };

    /// <summary>The cluster's paths; an error if there is no such cluster.</summary>
    internal static ClusterPaths Running(string name)
    {
        RequireRoot();
        var paths = new ClusterPaths(name);
        if (!File.Exists(paths.Record))
            throw new UserError($"there is no local cluster \"{name}\": make it with 'podnet up{NameFlag(name)}'");
        return paths;
    }

    internal static ApiClient Client(ClusterPaths paths)
    {
        if (!File.Exists(paths.Kubeconfig))
            throw new UserError($"cluster \"{paths.Cluster}\" did not come up whole: take it away with 'podnet down{NameFlag(paths.Cluster)}'");
        return ApiClient.FromKubeconfig(paths.Kubeconfig);
    }

    internal static void RequireRoot()
    {
        if (!ProcessTable.IsRoot)
            throw new UserError("a local cluster is made of network namespaces, mounts and kernel rules: run this as root (sudo)");
    }

    internal static string NameFlag(string name) => name == ClusterSpec.DefaultName ? "" : $" --name {name}";
}
