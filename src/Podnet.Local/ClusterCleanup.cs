using System.Net;
using Podnet.Linux;
using Podnet.Local.Kubelet;

namespace Podnet.Local;

/// <summary>
/// Ends a local cluster, and takes it away, whatever state it is in: it trusts no process of it, only the record, the marks and the
/// kernel. May be run again after it was interrupted.
/// </summary>
public static class ClusterCleanup
{
    /// <summary>Takes away all of it.</summary>
    public static void Run(ClusterPaths paths, Action<string> step)
    {
        if (ClusterRecord.Load(paths) is not { } record)
            return;
        End(paths, record, step);
        // The record last: while it is there, this can be done again.
        foreach (var folder in Directory.EnumerateDirectories(paths.Lib))
            DeleteFolder(folder);
        foreach (var file in Directory.EnumerateFiles(paths.Lib).Where(file => file != paths.Record))
            File.Delete(file);
        File.Delete(paths.Record);
        DeleteFolder(paths.Lib);
        // Where another cluster came meanwhile, they are not empty and stay.
        DeleteEmpty([.. record.MadeFolders.Reverse(), Path.GetDirectoryName(paths.Run)!, Path.GetDirectoryName(paths.Lib)!]);
    }

    /// <summary>Ends all that runs; what is needed to bring the cluster back stays.</summary>
    public static void Stop(ClusterPaths paths, Action<string> step)
    {
        if (ClusterRecord.Load(paths) is not { } record)
            return;
        End(paths, record, step);
        FreeAddresses(paths);
        DeleteEmpty([Path.GetDirectoryName(paths.Run)!]);
    }

    private static void End(ClusterPaths paths, ClusterRecord record, Action<string> step)
    {
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
    }

    /// <summary>
    /// No sandbox is left that could have one. After a kill -9 or a reboot no kubelet knows the sandboxes that had them, so nobody else
    /// would ever give them back. What was given last stays known: an address just freed is not at once another pod's.
    /// </summary>
    private static void FreeAddresses(ClusterPaths paths)
    {
        if (!Directory.Exists(paths.Nodes))
            return;
        foreach (var node in Directory.EnumerateDirectories(paths.Nodes))
        {
            var ipam = paths.Ipam(Path.GetFileName(node));
            if (!Directory.Exists(ipam))
                continue;
            foreach (var file in Directory.EnumerateFiles(ipam, "*", SearchOption.AllDirectories).Where(file => IPAddress.TryParse(Path.GetFileName(file), out _)))
                File.Delete(file);
        }
    }

    private static void DeleteEmpty(IEnumerable<string> folders)
    {
        foreach (var folder in folders.Where(f => Directory.Exists(f) && !Directory.EnumerateFileSystemEntries(f).Any()))
            Directory.Delete(folder);
    }

    /// <summary>Null where there is a name without a namespace: whoever made it was killed in between.</summary>
    private static string? IdentityOf(string @namespace)
    {
        using var opened = NetworkNamespace.OpenNamed(@namespace);
        try
        {
            return opened.Identity();
        }
        catch (KernelException e) when (e.Errno == Errno.Invalid)
        {
            return null;
        }
    }

    private static bool IsOurs(int pid, ClusterPaths paths) =>
        ProcessTable.EnvironmentVariable(pid, ClusterPaths.EnvironmentMark) == paths.Cluster;

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }
}
