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

    /// <summary>The cluster's paths, whether it runs or is stopped; an error if there is no such cluster.</summary>
    internal static ClusterPaths Existing(string name)
    {
        RequireRoot();
        var paths = new ClusterPaths(name);
        if (!File.Exists(paths.Record))
            throw new UserError($"there is no local cluster \"{name}\": make it with 'podnet up{NameFlag(name)}'");
        return paths;
    }

    /// <summary>The same; an error also if it is stopped.</summary>
    internal static ClusterPaths Running(string name)
    {
        var paths = Existing(name);
        RequireWhole(paths);
        if (!paths.IsRunning())
            throw new UserError($"{Stopped(paths)}: bring it back with 'podnet start{NameFlag(name)}'");
        return paths;
    }

    internal static string Stopped(ClusterPaths paths) => $"cluster \"{paths.Cluster}\" is stopped";

    /// <summary>One whose making was interrupted is only good to be taken away.</summary>
    internal static void RequireWhole(ClusterPaths paths)
    {
        if (ClusterRecord.Load(paths) is not { CameUp: true })
            throw new UserError($"cluster \"{paths.Cluster}\" did not come up whole: take it away with 'podnet down{NameFlag(paths.Cluster)}'");
    }

    internal static ApiClient Client(ClusterPaths paths) => ApiClient.FromKubeconfig(paths.Kubeconfig);

    internal static void RequireRoot()
    {
        if (!ProcessTable.IsRoot)
            throw new UserError("a local cluster is made of network namespaces, mounts and kernel rules: run this as root (sudo)");
    }

    internal static string NameFlag(string name) => name == ClusterSpec.DefaultName ? "" : $" --name {name}";
}
