using System.CommandLine;
using Podnet.Local;

namespace Podnet.Cli.Commands;

internal static class StopCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("stop", "Stop the cluster: its objects, addresses and kubeconfig stay for 'podnet start'.") { name };
        command.SetAction(parsed =>
        {
            var paths = ClusterOption.Existing(parsed.GetRequiredValue(name));
            ClusterOption.RequireWhole(paths);
            using var progress = new Progress(Console.Out);
            ClusterCleanup.Stop(paths, progress.Now);
            progress.Done($"cluster \"{paths.Cluster}\" is stopped: bring it back with 'podnet start{ClusterOption.NameFlag(paths.Cluster)}'");
        });
        return command;
    }
}
