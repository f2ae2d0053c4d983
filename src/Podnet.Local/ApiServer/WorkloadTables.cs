using System.Text.Json.Nodes;
using static Podnet.Local.ApiServer.TableLayout;

namespace Podnet.Local.ApiServer;

/// <summary>The rows of what makes pods.</summary>
internal static class WorkloadTables
{
    public static readonly TableLayout StatefulSet = new(
        [new("Name"), new("Ready"), new("Age"), new("Containers", Wide: true), new("Images", Wide: true)],
        (o, now) =>
        [
            o.Text("metadata", "name"), $"{o.Number("status", "readyReplicas") ?? 0}/{o.Number("spec", "replicas") ?? 0}", Age(o, now),
            Containers(o, "name"), Containers(o, "image"),
        ]);

    public static readonly TableLayout Deployment = new(
        [
            new("Name"), new("Ready"), new("Up-to-date", "integer"), new("Available", "integer"), new("Age"),
            new("Containers", Wide: true), new("Images", Wide: true), new("Selector", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), $"{o.Number("status", "readyReplicas") ?? 0}/{o.Number("spec", "replicas") ?? 0}",
            o.Number("status", "updatedReplicas") ?? 0, o.Number("status", "availableReplicas") ?? 0, Age(o, now),
            Containers(o, "name"), Containers(o, "image"), SelectorText(o.At("spec", "selector")),
        ]);

    public static readonly TableLayout ReplicaSet = new(
        [
            new("Name"), new("Desired", "integer"), new("Current", "integer"), new("Ready", "integer"), new("Age"),
            new("Containers", Wide: true), new("Images", Wide: true), new("Selector", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), o.Number("spec", "replicas") ?? 0, o.Number("status", "replicas") ?? 0,
            o.Number("status", "readyReplicas") ?? 0, Age(o, now),
            Containers(o, "name"), Containers(o, "image"), SelectorText(o.At("spec", "selector")),
        ]);

    public static readonly TableLayout DaemonSet = new(
        [
            new("Name"), new("Desired", "integer"), new("Current", "integer"), new("Ready", "integer"), new("Up-to-date", "integer"),
            new("Available", "integer"), new("Node Selector"), new("Age"),
            new("Containers", Wide: true), new("Images", Wide: true), new("Selector", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), o.Number("status", "desiredNumberScheduled") ?? 0, o.Number("status", "currentNumberScheduled") ?? 0,
            o.Number("status", "numberReady") ?? 0, o.Number("status", "updatedNumberScheduled") ?? 0, o.Number("status", "numberAvailable") ?? 0,
            MapText(o.At("spec", "template", "spec", "nodeSelector")), Age(o, now),
            Containers(o, "name"), Containers(o, "image"), SelectorText(o.At("spec", "selector")),
        ]);

    public static readonly TableLayout Job = new(
        [
            new("Name"), new("Status"), new("Completions"), new("Duration"), new("Age"),
            new("Containers", Wide: true), new("Images", Wide: true), new("Selector", Wide: true),
        ],
        (o, now) =>
        [
            o.Text("metadata", "name"), JobStatus(o), JobCompletions(o), StoredTables.Duration(o, now), Age(o, now),
            Containers(o, "name"), Containers(o, "image"), SelectorText(o.At("spec", "selector")),
        ]);

    private static string JobCompletions(JsonObject o)
    {
        var succeeded = o.Number("status", "succeeded") ?? 0;
        if (o.Number("spec", "completions") is { } wanted)
            return $"{succeeded}/{wanted}";
        var parallelism = o.Number("spec", "parallelism") ?? 1;
        return parallelism > 1 ? $"{succeeded}/1 of {parallelism}" : $"{succeeded}/1";
    }

    /// <summary>The first condition that is true, in the order of kubectl's printer.</summary>
    private static string JobStatus(JsonObject o)
    {
        bool Has(string type) => o["status"].Items("conditions").Any(c => c.Text("type") == type && c.Text("status") == "True");
        if (Has("Complete"))
            return "Complete";
        if (Has("Failed"))
            return "Failed";
        if (o.Text("metadata", "deletionTimestamp") is not null)
            return "Terminating";
        if (Has("Suspended"))
            return "Suspended";
        if (Has("FailureTarget"))
            return "FailureTarget";
        return Has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private static string Containers(JsonObject o, string field) =>
        string.Join(',', o.At("spec", "template", "spec").Items("containers").Select(c => c.Text(field)));
}
