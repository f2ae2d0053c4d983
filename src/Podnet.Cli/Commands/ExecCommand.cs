using System.CommandLine;
using System.Runtime.InteropServices;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local;

namespace Podnet.Cli.Commands;

/// <summary>Runs a command in a node, in a pod's container, or outside, with this terminal as its own.</summary>
internal static class ExecCommand
{
    internal const string Name = "exec";

    internal static Command Create()
    {
        var name = ClusterOption.Create();
        var target = new Argument<string>("target") { Description = "node/NAME, pod/[NAMESPACE/]NAME, or outside." };
        var words = new Argument<string[]>("command") { Description = "What to run, after --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command(Name, "Run a command in a node, in a pod, or outside the cluster.") { name, target, words };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Running(parsed.GetRequiredValue(name));
            var what = parsed.GetRequiredValue(target);
            var line = parsed.GetRequiredValue(words);
            return what.Split('/') switch
            {
                ["outside"] => await RunInAsync(paths.OutsideNamespace, what, line),
                ["node", var node] => await RunInAsync(paths.NodeNamespace(node), what, line),
                ["pod", var pod] => await RunInPodAsync(paths, "default", pod, line, cancel),
                ["pod", var space, var pod] => await RunInPodAsync(paths, space, pod, line, cancel),
                _ => throw new UserError($"\"{what}\" is neither node/NAME, pod/[NAMESPACE/]NAME nor outside", exitCode: 2),
            };
        });
        return command;
    }

    private static async Task<int> RunInAsync(string @namespace, string what, string[] line)
    {
        if (!NetworkNamespace.Exists(@namespace))
            throw new UserError($"there is no {what}: 'podnet status' shows what there is");
        using var inside = NetworkNamespace.OpenNamed(@namespace);
        var start = OnThisTerminal(line[0], line[1..]);
        return await RunAsync(() => inside.Run(() => ChildProcess.Start(start)));
    }

    private static async Task<int> RunInPodAsync(ClusterPaths paths, string space, string name, string[] line, CancellationToken cancel)
    {
        using var client = ClusterOption.Client(paths);
        var pod = await client.GetAsync(Resources.Pods, space, name, cancel)
            ?? throw new UserError($"there is no pod {space}/{name}: 'podnet status' shows what there is");
        // "runc://ID", as the kubelet reports it.
        var id = pod.Status?.ContainerStatuses?.FirstOrDefault(c => c.State?.Running is not null)?.ContainerID?.Split("://")[^1]
            ?? throw new UserError($"pod {space}/{name} has no running container: its phase is {pod.Status?.Phase ?? "unknown"}");
        string[] terminal = Console.IsInputRedirected || Console.IsOutputRedirected ? [] : ["--tty"];
        return await RunAsync(() => ChildProcess.Start(OnThisTerminal("runc", ["--root", paths.Runc, "exec", .. terminal, id, .. line])));
    }

    private static ProcessStart OnThisTerminal(string program, IReadOnlyList<string> arguments) => new(program, arguments)
    {
        StandardInput = FileHandle.OwnInput,
        StandardOutput = FileHandle.OwnOutput,
        StandardError = FileHandle.OwnError,
    };

    private static async Task<int> RunAsync(Func<ChildProcess> start)
    {
        // Ctrl-C is for the child, which shares the terminal; its end is this command's. Before it starts, so that none is missed.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        return (await start().Exited).ShellCode;
    }
}
