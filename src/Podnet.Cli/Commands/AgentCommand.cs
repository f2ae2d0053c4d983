using System.CommandLine;
using Microsoft.Extensions.Logging;
using Podnet.Agent;
using Podnet.Agent.Config;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Cli.Commands;

/// <summary>The agent of one node: it programs the network namespace that it runs in, until it is stopped.</summary>
internal static class AgentCommand
{
    /// <summary>klog's verbosity from which Kubernetes' programs say what is for debugging.</summary>
    private const int DebugVerbosity = 4;

    /// <summary>"--metrics-bind-address=", which is how a manifest says "none", as the parser knows it: two words, the second empty.</summary>
    internal static string[] Words(string[] args) => args is ["agent", ..]
        ? [.. args.SelectMany(word => word.StartsWith("--", StringComparison.Ordinal) && word.EndsWith('=') ? (string[])[word[..^1], ""] : [word])]
        : args;

    internal static Command Create()
    {
        var node = new Option<string?>("--node-name", "--hostname-override")
        {
            Description = "The name of this node's Node object. Without it: the file's, or the machine's name.",
        };
        var file = new Option<string?>("--config") { Description = "kube-proxy's config file (KubeProxyConfiguration); it makes the other flags void." };
        var cleanup = new Option<bool>("--cleanup") { Description = "Take away all that an agent writes into this network namespace, and end." };
        var verbosity = new Option<int?>("--v", "-v") { Description = "4 and more: log what is for debugging." };
        var flags = new AgentFlags();
        var command = new Command("agent", "Run a node's agent: routes, egress and Services of the network namespace it is in.") { node, file, cleanup, verbosity };
        foreach (var flag in flags.Options)
            command.Add(flag);
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(cleanup))
                return NodeCleanup.Run(Console.Out) ? 0 : 1;
            var options = parsed.GetValue(file) is { } path
                ? FromFile(path, parsed, parsed.GetValue(node), flags)
                : AgentConfiguration.Build(flags.Read(parsed, parsed.GetValue(node)), flags.Fault);
            if (parsed.GetValue(verbosity) is { } v)
                options = options with { LogLevel = v >= DebugVerbosity ? LogLevel.Debug : LogLevel.Information };
            try
            {
                await NodeAgent.RunAsync(options, cancel);
            }
            catch (KubeconfigException e)
            {
                throw new UserError(e.Message, exitCode: 2);
            }
            return 0;
        });
        return command;
    }

    private static AgentOptions FromFile(string path, ParseResult parsed, string? node, AgentFlags flags)
    {
        foreach (var flag in flags.Void(parsed))
            Console.Error.WriteLine($"podnet: {flag} has no effect: with --config, the file decides, as in kube-proxy");
        try
        {
            return AgentConfiguration.ReadFile(path, node, flags.Kubeconfig(parsed));
        }
        catch (ManifestException e)
        {
            throw new UserError(e.Message, exitCode: 2);
        }
    }
}
