using k8s.Models;
using Podnet.Local;
using Spectre.Console;

namespace Podnet.Cli;

/// <summary>The cluster as tables, for a person.</summary>
internal static class StatusTables
{
    internal static void Print(IReadOnlyCollection<V1Node> nodes, IReadOnlyCollection<V1Pod> pods, IReadOnlyCollection<V1Service> services)
    {
        var nodeTable = Table("NODE", "STATE", "ADDRESS", "POD CIDR");
        foreach (var node in nodes.OrderBy(n => n.Metadata.Name))
        {
            nodeTable.AddRow(
                Text(node.Metadata.Name),
                Colored(ClusterReadiness.IsReady(node) ? "Ready" : "NotReady"),
                Text(string.Join(',', (node.Status?.Addresses ?? []).Where(a => a.Type == "InternalIP").Select(a => a.Address))),
                Text(node.Spec?.PodCIDR));
        }

        var podTable = Table("POD", "STATE", "ADDRESS", "NODE");
        foreach (var pod in pods.OrderBy(p => p.Metadata.NamespaceProperty).ThenBy(p => p.Metadata.Name))
        {
            var state = ClusterReadiness.IsReady(pod) ? "Ready" : ClusterReadiness.StateOf(pod);
            podTable.AddRow(Text(FullName(pod.Metadata)), Colored(state), Text(pod.Status?.PodIP), Text(pod.Spec?.NodeName));
        }

        var serviceTable = Table("SERVICE", "TYPE", "CLUSTER IP", "PORTS");
        foreach (var service in services.OrderBy(s => s.Metadata.NamespaceProperty).ThenBy(s => s.Metadata.Name))
        {
            var ports = (service.Spec.Ports ?? []).Select(p => p.NodePort is > 0 ? $"{p.Port}:{p.NodePort}/{p.Protocol}" : $"{p.Port}/{p.Protocol}");
            serviceTable.AddRow(
                Text(FullName(service.Metadata)), Text(service.Spec.Type), Text(service.Spec.ClusterIP), Text(string.Join(',', ports)));
        }

        foreach (var table in new[] { nodeTable, podTable, serviceTable }.Where(t => t.Rows.Count > 0))
            Write(table);
    }

    /// <summary>As wide as it is: a narrow terminal wraps whole lines, and a file gets them unwrapped.</summary>
    internal static void Write(Table table)
    {
        AnsiConsole.Profile.Width = 1000; // arbitrary: wider than any row
        AnsiConsole.Write(table);
    }

    /// <summary>Columns apart by blanks, no lines: reads well, and cuts well with awk.</summary>
    internal static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column, new Style(decoration: Decoration.Bold))) { NoWrap = true, Padding = new Padding(0, 0, 3, 0) });
        return table;
    }

    internal static Text Text(string? value) => new(string.IsNullOrEmpty(value) ? "-" : value);

    private static Text Colored(string state) =>
        new(state, new Style(state is "Ready" ? Color.Green : Color.Yellow));

    private static string FullName(V1ObjectMeta meta) =>
        meta.NamespaceProperty == "default" ? meta.Name : $"{meta.NamespaceProperty}/{meta.Name}";
}
