using System.CommandLine;
using Podnet.Agent;
using Podnet.Local;

namespace Podnet.Cli.Commands;

/// <summary>The process that 'podnet up' and 'podnet start' leave behind; nobody types it.</summary>
internal static class ControlPlaneCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("control-plane", "Run a local cluster's API server, controllers and kubelets.") { name };
        command.Hidden = true;
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Existing(parsed.GetRequiredValue(name));
            // Standard output is for the steps, which 'podnet up' reads.
            using var loggers = new OneLoggerFactory(new LineLogger(Console.Error));
            await new ControlPlane(paths, CompanionPrograms.Find(), loggers).RunAsync(Console.Out, cancel);
        });
        return command;
    }
}
