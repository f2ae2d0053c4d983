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
        var cniFolder = new Option<string?>("--write-cni-config")
        {
            Description = "Tell the container runtime, by 10-podnet.conflist in this folder (/etc/cni/net.d), that podnet-cni connects pods. Without it: nothing is written.",
        };
        var podNetwork = new Option<string>("--pod-network-file")
        {
            Description = "Where podnet-cni finds the node's pod CIDRs, with --write-cni-config.",
            DefaultValueFactory = _ => CniFiles.DefaultPodNetworkFile,
        };
        var verbosity = new Option<int?>("--v", "-v") { Description = "4 and more: log what is for debugging." };
        var flags = new AgentFlags();
        var podNetworkFlags = new PodNetworkFlags();
        var command = new Command("agent", "Run a node's agent: routes, egress and Services of the network namespace it is in.") { node, file, cniFolder, podNetwork, cleanup, verbosity };
        foreach (var flag in flags.Options.Concat(podNetworkFlags.Options))
            command.Add(flag);
        command.SetAction(async (parsed, cancel) =>
        {
            var cni = parsed.GetValue(cniFolder) is { } folder ? CniFilesIn(folder, parsed.GetValue(podNetwork)!) : null;
            if (parsed.GetValue(cleanup))
                return NodeCleanup.Run(Console.Out, cni) ? 0 : 1;
            var options = parsed.GetValue(file) is { } path
                ? FromFile(path, parsed, parsed.GetValue(node), flags)
                : AgentConfiguration.Build(flags.Read(parsed, parsed.GetValue(node)), flags.Fault);
            options = podNetworkFlags.Put(parsed, options with { Cni = cni });
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

    private static CniFiles CniFilesIn(string folder, string podNetwork)
    {
        foreach (var (flag, path) in ((string, string)[])[("--write-cni-config", folder), ("--pod-network-file", podNetwork)])
        {
            if (!Path.IsPathFullyQualified(path))
                throw new UserError($"{flag} {path}: not an absolute path, as the container runtime and podnet-cni need it", exitCode: 2);
        }
        return new CniFiles(folder, podNetwork);
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
