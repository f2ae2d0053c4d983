using System.Diagnostics;

namespace Podnet.Agent.Metrics;

/// <summary>What Prometheus' clients say of every process.</summary>
internal static class ProcessMetrics
{
    public static IEnumerable<string> Lines()
    {
        using var self = Process.GetCurrentProcess();
        var started = new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000.0;
        var files = Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();
        return
        [
            .. Lines("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", self.TotalProcessorTime.TotalSeconds),
            .. Lines("process_open_fds", "gauge", "Number of open file descriptors.", files),
            .. Lines("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", self.WorkingSet64),
            .. Lines("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", self.VirtualMemorySize64),
            .. Lines("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", started),
        ];
    }

    private static string[] Lines(string name, string type, string help, double value) =>
        [$"# HELP {name} {help}\n", $"# TYPE {name} {type}\n", $"{name} {Metric.Text(value)}\n"];
}
