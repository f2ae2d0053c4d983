using System.Text.Json.Nodes;

namespace Podnet.Local.ApiServer;

/// <summary>The row of a pod; the STATUS word is found as kubectl's printer finds it (kubernetes pkg/printers/internalversion).</summary>
internal static class PodTable
{
    public static readonly TableLayout Layout = new(
        [
            new("Name"), new("Ready"), new("Status"), new("Restarts"), new("Age"), new("IP", Wide: true), new("Node", Wide: true),
            new("Nominated Node", Wide: true), new("Readiness Gates", Wide: true),
        ],
        Cells);

    private static JsonNode?[] Cells(JsonObject pod, DateTimeOffset now)
    {
        var status = pod["status"];
        var ips = status.Items("podIPs").Select(i => i.Text("ip")).FirstOrDefault() ?? status.Text("podIP");
        var gates = pod["spec"].Items("readinessGates").ToList();
        var met = gates.Count(g => status.Items("conditions").Any(c => c.Text("type") == g.Text("conditionType") && c.Text("status") == "True"));
        return
        [
            pod.Text("metadata", "name"), Ready(pod), Status(pod), Restarts(pod, now), TableLayout.Age(pod, now),
            string.IsNullOrEmpty(ips) ? TableLayout.None : ips,
            pod.Text("spec", "nodeName") is { Length: > 0 } node ? node : TableLayout.None,
            pod.Text("status", "nominatedNodeName") is { Length: > 0 } nominated ? nominated : TableLayout.None,
            gates.Count == 0 ? TableLayout.None : $"{met}/{gates.Count}",
        ];
    }

    private static string Ready(JsonObject pod)
    {
        var ready = pod["status"].Items("containerStatuses").Count(c => c.Flag("ready") && c.At("state", "running") is not null);
        return $"{ready}/{pod["spec"].Items("containers").Count()}";
    }

    private static string Restarts(JsonObject pod, DateTimeOffset now)
    {
        var (count, last) = (0L, "");
        foreach (var container in pod["status"].Items("containerStatuses"))
        {
            count += container.Number("restartCount") ?? 0;
            var finished = container.Text("lastState", "terminated", "finishedAt") ?? "";
            if (string.CompareOrdinal(finished, last) > 0)
                last = finished;
        }
        return count > 0 && last.Length > 0 ? $"{count} ({TableLayout.Age(last, now)} ago)" : $"{count}";
    }

    public static string Status(JsonObject pod)
    {
        var status = pod["status"];
        var reason = status.Text("reason") is { Length: > 0 } own ? own : status.Text("phase") ?? "Unknown";
        if (status.Items("conditions").Any(c => c.Text("type") == "PodScheduled" && c.Text("reason") == "SchedulingGated"))
            reason = "SchedulingGated";
        var initializing = InitStatus(pod);
        reason = initializing ?? ContainerStatus(status, reason);
        if (pod.Text("metadata", "deletionTimestamp") is null)
            return reason;
        if (status.Text("reason") == "NodeLost")
            return "Unknown";
        return status.Text("phase") is "Failed" or "Succeeded" ? reason : "Terminating";
    }

    /// <summary>Null once all init containers are done.</summary>
    private static string? InitStatus(JsonObject pod)
    {
        var total = pod["spec"].Items("initContainers").Count();
        var index = 0;
        foreach (var container in pod["status"].Items("initContainerStatuses"))
        {
            if (container.Number("state", "terminated", "exitCode") == 0)
            {
                index++;
                continue;
            }
            if (container.At("state", "terminated") is { } terminated)
                return "Init:" + Terminated(terminated);
            var waiting = container.Text("state", "waiting", "reason");
            return waiting is { Length: > 0 } and not "PodInitializing" ? "Init:" + waiting : $"Init:{index}/{total}";
        }
        return null;
    }

    private static string ContainerStatus(JsonNode? status, string reason)
    {
        var running = false;
        foreach (var container in status.Items("containerStatuses").Reverse())
        {
            if (container.Text("state", "waiting", "reason") is { Length: > 0 } waiting)
                reason = waiting;
            else if (container.At("state", "terminated") is { } terminated)
                reason = Terminated(terminated);
            else if (container.Flag("ready") && container.At("state", "running") is not null)
                running = true;
        }
        if (reason != "Completed" || !running)
            return reason;
        var ready = status.Items("conditions").Any(c => c.Text("type") == "Ready" && c.Text("status") == "True");
        return ready ? "Running" : "NotReady";
    }

    private static string Terminated(JsonNode terminated)
    {
        if (terminated.Text("reason") is { Length: > 0 } reason)
            return reason;
        return terminated.Number("signal") is { } signal and not 0 ? $"Signal:{signal}" : $"ExitCode:{terminated.Number("exitCode") ?? 0}";
    }
}
