using System.CommandLine;
using Podnet.Local;

namespace Podnet.Cli.Commands;

internal static class DownCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("down", "Take the cluster away: processes, namespaces, mounts, rules and files, also after a crash.") { name };
        command.SetAction(parsed =>
        {
            var paths = ClusterOption.Existing(parsed.GetRequiredValue(name));
            using var progress = new Progress(Console.Out);
            ClusterCleanup.Run(paths, progress.Now);
            progress.Done($"cluster \"{paths.Cluster}\" is gone");
        });
        return command;
    }
}
