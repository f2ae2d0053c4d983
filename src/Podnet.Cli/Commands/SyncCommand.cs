using System.CommandLine;
using Podnet.Agent;
using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Kubernetes.Manifests;

namespace Podnet.Cli.Commands;

/// <summary>What a node's agent does, once, for the objects of files; or only what it would do.</summary>
internal static class SyncCommand
{
    /// <summary>With --dry-run, as kubectl diff has it: something would change, which is no failure.</summary>
    private const int WouldChange = 1;
    private const int BadInput = 2;
    private const int CannotTell = 3;

    internal static Command Create()
    {
        var files = new Option<string[]>("-f", "--filename")
        {
            Description = "Services, EndpointSlices, Nodes and ServiceCIDRs: YAML or JSON, a file or a folder, or - for standard input. All that there shall be.",
            Required = true,
        };
        var node = new Option<string?>("--node-name") { Description = "Which node this is. Without it: the only one of the files." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would change, and change nothing. Ends with 0 for nothing, 1 for something." };
        var flags = new AgentFlags();
        var command = new Command("sync", "Program the network namespace it is in once, from files instead of an API server.") { files, node, dryRun };
        foreach (var flag in flags.ServiceOptions)
            command.Add(flag);
        command.SetAction(parsed =>
        {
            var state = Read(parsed.GetRequiredValue(files));
            var options = AgentConfiguration.Build(flags.Read(parsed, NodeName(state, parsed.GetValue(node))), flags.Fault);
            return parsed.GetValue(dryRun) ? Preview(options, state) : NodeSync.Apply(options, state, Console.Out) ? 0 : 1;
        });
        return command;
    }

    private static int Preview(AgentOptions options, ClusterState state)
    {
        try
        {
            var text = NodeSync.Preview(options, state);
            Console.Out.Write(text);
            return text.Length == 0 ? 0 : WouldChange;
        }
        catch (IOException e)
        {
            throw new UserError(e.Message, CannotTell);
        }
    }

    private static ClusterState Read(string[] files)
    {
        try
        {
            return ManifestCluster.Read(files, line => Console.Error.WriteLine($"podnet: {line}"));
        }
        catch (ManifestException e)
        {
            throw new UserError(e.Message, BadInput);
        }
    }

    private static string NodeName(ClusterState state, string? given)
    {
        var names = state.Nodes.Keys.Order(StringComparer.Ordinal).ToList();
        if (given is null)
        {
            return names is [var only]
                ? only
                : throw new UserError($"--node-name is missing: the files have {(names.Count == 0 ? "no Node" : $"the Nodes {string.Join(", ", names)}")}", BadInput);
        }
        if (names.Count == 0)
            Console.Error.WriteLine("podnet: the files have no Node: routes and egress stay as they are");
        return names.Count == 0 || names.Contains(given)
            ? given
            : throw new UserError($"--node-name {given}: the files have no such Node, but {string.Join(", ", names)}", BadInput);
    }
}
