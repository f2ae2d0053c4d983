using Podnet.Linux;
using Podnet.Local.Kubelet;

namespace Podnet.Local;

/// <summary>
/// Takes a local cluster away, whatever state it is in: it trusts no process of it, only the record, the marks and the kernel.
/// May be run again after it was interrupted.
/// </summary>
public static class ClusterCleanup
{
    public static void Run(ClusterPaths paths, Action<string> step)
    {
        var record = ClusterRecord.Load(paths);
        if (record is null)
            return;

        step("ending Podnet's processes");
        ProcessEnd.KillAll(() => ProcessTable.Pids().Where(pid => IsOurs(pid, paths)));
        step("ending containers");
        KubeletCleanup.RemoveAll(paths);
        step("removing namespaces");
        var namespaces = record.Namespaces.Where(NetworkNamespace.Exists).ToList();
        var identities = namespaces.Select(IdentityOf).ToHashSet();
        ProcessEnd.KillAll(() => ProcessTable.Pids().Where(pid => ProcessTable.NetworkNamespaceOf(pid) is { } id && identities.Contains(id)));
        foreach (var name in namespaces)
            NetworkNamespace.DeleteNamed(name);

        step("removing files");
        foreach (var mount in Mounts.Below(paths.Run))
            Mounts.UnmountIfMounted(mount);
        DeleteFolder(paths.Run);
        DeleteFolder(paths.Lib);
        File.Delete(paths.Record);
        // Where another cluster came meanwhile, they are not empty and stay.
        string[] shared = [.. record.MadeFolders.Reverse(), Path.GetDirectoryName(paths.Run)!, Path.GetDirectoryName(paths.Lib)!];
        foreach (var folder in shared.Where(f => Directory.Exists(f) && !Directory.EnumerateFileSystemEntries(f).Any()))
            Directory.Delete(folder);
    }

    private static string IdentityOf(string @namespace)
    {
        using var opened = NetworkNamespace.OpenNamed(@namespace);
        return opened.Identity();
    }

    private static bool IsOurs(int pid, ClusterPaths paths) =>
        ProcessTable.EnvironmentVariable(pid, ClusterPaths.EnvironmentMark) == paths.Cluster;

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }
}
