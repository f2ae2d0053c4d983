using System.Globalization;
using System.Text.Json;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>
/// Ends the containers of a whole cluster and removes what they had, also where everything was killed half-way. For when no
/// other process of the cluster is left that could start new ones.
/// </summary>
public static class KubeletCleanup
{
    /// <summary>May be repeated; where nothing is left it does nothing.</summary>
    public static void RemoveAll(ClusterPaths paths)
    {
        KillAll(paths);
        foreach (var folder in (ReadOnlySpan<string>)[paths.Containers, paths.Layers])
        {
            foreach (var mount in Mounts.Below(folder))
                Mounts.UnmountIfMounted(mount);
        }

        ProcessEnd.Until(() => Cgroups.TryRemove(paths.Cgroup), () => $"cgroup {paths.Cgroup} stays in use");
        foreach (var parent in Cgroups.Hierarchies().Select(hierarchy => hierarchy + Path.GetDirectoryName(paths.Cgroup)))
            RemoveIfEmpty(parent);
        foreach (var folder in (ReadOnlySpan<string>)[paths.Containers, paths.Layers, paths.Runc, paths.Sandboxes, paths.Pulls])
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// By cgroup and by runc's state; then whatever else is in a pod's network namespace (a shell that somebody opened there);
    /// and a runc that was starting something when its parent was killed.
    /// </summary>
    private static void KillAll(ClusterPaths paths)
    {
        var own = ProcessTable.NetworkNamespaceOf(Environment.ProcessId);
        var first = ProcessTable.NetworkNamespaceOf(1);
        HashSet<string> namespaces = [];
        ProcessEnd.KillAll(() =>
        {
            HashSet<int> pids = [.. Cgroups.Processes(paths.Cgroup), .. InitProcesses(paths.Runc), .. Starting(paths.Cluster)];
            foreach (var pid in pids)
            {
                if (ProcessTable.NetworkNamespaceOf(pid) is { } inode && inode != own && inode != first)
                    namespaces.Add(inode);
            }

            if (namespaces.Count > 0)
            {
                pids.UnionWith(ProcessTable.Pids()
                    .Where(pid => ProcessTable.NetworkNamespaceOf(pid) is { } inode && namespaces.Contains(inode)));
            }

            return pids;
        });
    }

    /// <summary>By runc's state.json, where the process is still the one that runc started.</summary>
    private static IEnumerable<int> InitProcesses(string runc)
    {
        if (!Directory.Exists(runc))
            yield break;
        foreach (var file in Directory.EnumerateFiles(runc, "state.json", SearchOption.AllDirectories))
        {
            using var state = JsonDocument.Parse(File.ReadAllBytes(file));
            var pid = state.RootElement.GetProperty("init_process_pid").GetInt32();
            if (StartTimeOf(pid) == state.RootElement.GetProperty("init_process_start").GetUInt64())
                yield return pid;
        }
    }

    private static IEnumerable<int> Starting(string cluster) => ProcessTable.Pids().Where(pid =>
        NameOf(pid) is { } name
        && (name.StartsWith("runc", StringComparison.Ordinal) || name == "podnet-cni")
        && ProcessTable.EnvironmentVariable(pid, ClusterPaths.EnvironmentMark) == cluster);

    private static string? NameOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").TrimEnd();
        }
        catch (IOException)
        {
            return null; // it ended
        }
    }

    /// <summary>In clock ticks since boot: field 22 of proc(5)'s stat, counted behind the name, which may hold anything.</summary>
    private static ulong? StartTimeOf(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return ulong.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null; // it ended
        }
    }

    private static void RemoveIfEmpty(string folder)
    {
        try
        {
            Directory.Delete(folder);
        }
        catch (IOException)
        {
            // Not there, or another cluster has its groups in it.
        }
    }
}
