using System.Globalization;
using Podnet.Linux;

namespace Podnet.Pause.Tests;

/// <summary>The built program, run and watched.</summary>
internal static class PauseProcess
{
    internal static readonly string Path = System.IO.Path.Combine(AppContext.BaseDirectory, "pause");

    /// <summary>Far beyond what any of it takes; a test that waits so long has failed.</summary>
    internal static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    internal static int[] ChildrenOf(int pid) =>
        [.. ProcessTable.Pids().Where(other => ParentOf(other) == pid)];

    internal static bool Runs(int pid) => CommandOf(pid) == "pause";

    /// <summary>A zombie still has its folder.</summary>
    internal static bool Exists(int pid) => Directory.Exists($"/proc/{pid}");

    private static string? CommandOf(int pid) => Status(pid, "Name:");

    private static int? ParentOf(int pid) =>
        Status(pid, "PPid:") is { } parent ? int.Parse(parent, CultureInfo.InvariantCulture) : null;

    private static string? Status(int pid, string field)
    {
        try
        {
            return File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal))?[field.Length..].Trim();
        }
        catch (IOException)
        {
            return null; // it has gone
        }
    }
}
