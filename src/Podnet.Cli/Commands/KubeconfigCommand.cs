using System.CommandLine;

namespace Podnet.Cli.Commands;

internal static class KubeconfigCommand
{
    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var command = new Command("kubeconfig", "Print the path of the cluster's kubeconfig: export KUBECONFIG=$(podnet kubeconfig)") { name };
        command.SetAction(parsed => Console.WriteLine(ClusterOption.Running(parsed.GetRequiredValue(name)).Kubeconfig));
        return command;
    }
}
