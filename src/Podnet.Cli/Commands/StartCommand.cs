using System.CommandLine;
using Podnet.Linux;
using Podnet.Local;

namespace Podnet.Cli.Commands;

internal static class StartCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("start", "Bring back a cluster that was stopped or killed, or whose machine was down, as it was.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Existing(parsed.GetRequiredValue(name));
            ClusterOption.RequireWhole(paths);
            var companions = CompanionPrograms.Find();
            if (Programs.FirstMissing() is { } missing)
                throw new UserError(missing);
            // Two at once would each take the other's for leftovers.
            using var alone = FileLock.Acquire(paths.StartLock);
            if (paths.IsRunning())
                throw new UserError($"cluster \"{paths.Cluster}\" is running: see 'podnet status{ClusterOption.NameFlag(paths.Cluster)}'");
            var spec = ClusterRecord.Load(paths)!.Spec;
            using var progress = new Progress(Console.Out);
            ClusterCleanup.Stop(paths, progress.Now);
            await new ClusterStart(spec, companions, UserManifests.None, progress).ResumeAsync(cancel);
        });
        return command;
    }
}
