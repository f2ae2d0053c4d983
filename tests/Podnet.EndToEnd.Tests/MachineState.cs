using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>All of the machine that a local cluster could leave something in, as lines to compare.</summary>
internal static class MachineState
{
    internal static string[] Capture(string cluster) =>
    [
        .. ProcessTable.Pids()
            .Where(pid => ProcessTable.EnvironmentVariable(pid, Podnet.Local.ClusterPaths.EnvironmentMark) == cluster)
            .Select(pid => $"process {pid}"),
        .. Entries("/run/netns").Where(e => e.Contains(cluster, StringComparison.Ordinal)).Select(e => $"namespace {e}"),
        .. Tool.Run("ip", "-o", "link").Split('\n').Select(l => $"link {l.Split(": ").ElementAtOrDefault(1)}"),
        .. Tool.Run("ip", "route", "show", "table", "all").Split('\n').Select(l => $"route {l}"),
        .. Tool.Run("nft", "list", "ruleset").Split('\n').Select(l => $"rule {l}"),
        .. File.ReadLines("/proc/self/mountinfo").Where(l => l.Contains(cluster, StringComparison.Ordinal)).Select(l => $"mount {l}"),
        .. Directory.EnumerateDirectories("/sys/fs/cgroup", "podnet*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })
            .SelectMany(Entries).Where(e => e.EndsWith($"/{cluster}", StringComparison.Ordinal)).Select(e => $"cgroup {e}"),
        .. Entries("/run/podnet").Concat(Entries("/var/lib/podnet")).Where(e => e.Contains(cluster, StringComparison.Ordinal)).Select(e => $"file {e}"),
        $"net.ipv4.ip_forward {Sysctl.Read("net.ipv4.ip_forward")}",
    ];

    private static IEnumerable<string> Entries(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder) : [];
}
