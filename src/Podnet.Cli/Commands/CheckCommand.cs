using System.CommandLine;
using System.Text.Json;
using Podnet.Core.Model;
using Podnet.Kubernetes;
using Podnet.Local.Check;
using Spectre.Console;

namespace Podnet.Cli.Commands;

/// <summary>Sends real packets between everybody and shows whom the servers saw.</summary>
internal static class CheckCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var output = OutputOption.Create();
        var command = new Command("check", "Check with real packets that everybody reaches whom they must, without NAT where there must be none.") { name, output };
        command.SetAction(async (parsed, cancel) =>
        {
            var report = await RunAsync(parsed.GetRequiredValue(name), cancel);
            if (parsed.GetRequiredValue(output) == "json")
                Console.WriteLine(JsonSerializer.Serialize(report, CheckJson.Default.CheckReport));
            else
                Print(report);
            return report.Ok ? 0 : 1;
        });
        return command;
    }

    private static async Task<CheckReport> RunAsync(string name, CancellationToken cancel)
    {
        var paths = ClusterOption.Running(name);
        using var client = ClusterOption.Client(paths);
        var nodes = await client.ListAsync(Resources.Nodes, null, null, cancel);
        var pods = await client.ListAsync(Resources.Pods, null, null, cancel);
        var services = await client.ListAsync(Resources.Services, null, null, cancel);
        var slices = await client.ListAsync(Resources.EndpointSlices, null, null, cancel);
        using var progress = Console.IsErrorRedirected ? null : new Progress(Console.Error);
        progress?.Now("checking");
        var report = new CheckReport([], []);
        foreach (var family in CheckTargets.FamiliesOf(nodes))
        {
            using var targets = CheckTargets.Open(paths, nodes, pods, services, slices, family);
            var check = new ConnectivityCheck(targets) { Progress = (done, all) => progress?.Now($"checked {done}/{all} ({family.Name()})") };
            report += await check.RunAsync(cancel);
        }

        return report;
    }

    private static void Print(CheckReport report)
    {
        var table = StatusTables.Table("", "FROM", "TO", "VIA", "SEEN AS", "EXPECTED");
        foreach (var row in report.Rows)
        {
            table.AddRow(
                Mark(row.Ok),
                StatusTables.Text(row.From),
                StatusTables.Text(row.To),
                StatusTables.Text(row.Via),
                StatusTables.Text(row.Source is null ? row.Reason : $"{row.Source} ({row.SourceOf})"),
                StatusTables.Text(row.Expected));
        }

        StatusTables.Write(table);
        Console.WriteLine();
        foreach (var count in report.Summary)
            AnsiConsole.MarkupLineInterpolated($"{count.Total - count.Failed,4}/{count.Total} {count.Kind}");
        foreach (var item in report.NotChecked)
            AnsiConsole.MarkupLineInterpolated($"{(item.IsFault ? "[red]not checked[/]" : "not checked")}: {item.What}: {item.Why}");
        foreach (var row in report.Rows.Where(r => !r.Ok))
            AnsiConsole.MarkupLineInterpolated($"[red]✗[/] {row.From} → {row.Via ?? row.To}: {row.Reason}");
        Console.WriteLine(report.Ok ? "Everything that must hold holds." : "Not everything that must hold holds.");
    }

    private static Markup Mark(bool ok) => new(ok ? "[green]✓[/]" : "[red]✗[/]");
}
