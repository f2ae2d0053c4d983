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

    private static string Containers(JsonObject o, string field) =>
        string.Join(',', o.At("spec", "template", "spec").Items("containers").Select(c => c.Text(field)));
}
