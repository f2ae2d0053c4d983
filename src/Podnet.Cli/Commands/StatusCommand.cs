using System.CommandLine;
using Podnet.Kubernetes;

namespace Podnet.Cli.Commands;

internal static class StatusCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("status", "Show the cluster: nodes, pods, Services and their addresses; or that it is stopped.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Existing(parsed.GetRequiredValue(name));
            ClusterOption.RequireWhole(paths);
            if (!paths.IsRunning())
            {
                Console.WriteLine($"{ClusterOption.Stopped(paths)}: bring it back with 'podnet start{ClusterOption.NameFlag(paths.Cluster)}', or take it away with 'podnet down{ClusterOption.NameFlag(paths.Cluster)}'");
                return;
            }

            using var client = ClusterOption.Client(paths);
            StatusTables.Print(
                await client.ListAsync(Resources.Nodes, null, null, cancel),
                await client.ListAsync(Resources.Pods, null, null, cancel),
                await client.ListAsync(Resources.Services, null, null, cancel));
        });
        return command;
    }
}
