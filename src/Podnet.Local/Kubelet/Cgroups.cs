using System.Globalization;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>Control groups by path, in every hierarchy that this machine mounts: several with version 1, one with version 2.</summary>
internal static class Cgroups
{
    /// <summary>Arbitrary: the kernel needs a moment between the end of a process and an empty group.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<string> Hierarchies()
    {
        var found = new List<string>();
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            // proc(5): … mount point is the fifth field; after " - " comes the type of the file system.
            var type = line[(line.IndexOf(" - ", StringComparison.Ordinal) + 3)..].Split(' ')[0];
            if (type is "cgroup" or "cgroup2")
                found.Add(line.Split(' ')[4]);
        }

        return found;
    }

    /// <summary>The processes in a group and those below it, each once.</summary>
    public static IReadOnlySet<int> Processes(string group)
    {
        var pids = new HashSet<int>();
        foreach (var folder in Hierarchies().SelectMany(hierarchy => Tree(hierarchy + group)))
        {
            try
            {
                foreach (var line in File.ReadLines($"{folder}/cgroup.procs"))
                    pids.Add(int.Parse(line, CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                // The group is gone by now, and so are its processes.
            }
        }

        return pids;
    }

    /// <summary>Kills whatever is in a group, also what it starts meanwhile.</summary>
    public static async Task KillAsync(string group)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (Processes(group) is { Count: > 0 } pids)
        {
            foreach (var pid in pids)
                Signals.Send(pid, Signals.Kill);
            await BreatheUntil(deadline, $"processes {string.Join(' ', pids)} of cgroup {group} do not end");
        }
    }

    /// <summary>Removes an empty group and those below it.</summary>
    public static async Task RemoveAsync(string group)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!TryRemove(group))
            await BreatheUntil(deadline, $"cgroup {group} stays in use");
    }

    /// <summary>False while there is something in it.</summary>
    public static bool TryRemove(string group)
    {
        var removed = true;
        foreach (var folder in Hierarchies().SelectMany(hierarchy => Enumerable.Reverse(Tree(hierarchy + group))))
        {
            try
            {
                Directory.Delete(folder); // rmdir(2): what lies in it are the kernel's files
            }
            catch (DirectoryNotFoundException)
            {
                // Somebody else was faster.
            }
            catch (IOException)
            {
                removed = false;
            }
        }

        return removed;
    }

    private static async Task BreatheUntil(DateTime deadline, string otherwise)
    {
        if (DateTime.UtcNow > deadline)
            throw new TimeoutException(otherwise);
        await Task.Delay(TimeSpan.FromMilliseconds(5));
    }

    /// <summary>A folder and those below it, parents first.</summary>
    private static List<string> Tree(string folder)
    {
        if (!Directory.Exists(folder))
            return [];
        try
        {
            return [folder, .. Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
