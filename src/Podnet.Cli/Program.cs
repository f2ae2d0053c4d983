using System.CommandLine;
using Podnet.Cli;
using Podnet.Cli.Commands;

var root = new RootCommand("Podnet: the Kubernetes network for Linux, and a local cluster to see it work.")
{
    UpCommand.Create(),
    StatusCommand.Create(),
    CheckCommand.Create(),
    ExplainCommand.Create(),
    ExecCommand.Create(),
    NodeCommand.Create(),
    ImageCommand.Create(),
    KubeconfigCommand.Create(),
    StopCommand.Create(),
    StartCommand.Create(),
    DownCommand.Create(),
    AgentCommand.Create(),
    DnsCommand.Create(),
    SyncCommand.Create(),
    ControlPlaneCommand.Create(),
};
return await Invocation.RunAsync(root, args);
