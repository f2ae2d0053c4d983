using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Converters;
using Podnet.Linux;
using Podnet.Local;
using Podnet.Local.Config;

namespace Podnet.Cli.Commands;

/// <summary>Lets nodes join and leave a running cluster: it makes or deletes the Node object, the rest follows from that.</summary>
internal static class NodeCommand
{
    // Arbitrary: a node joins in well under a second; its pods may take their grace period to leave.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(90);

    internal static Command Create() => new("node", "Add a node to a running cluster, or remove one.") { CreateAdd(), CreateRemove() };

    private static Command CreateAdd()
    {
        var name = new Argument<string>("node") { Description = "The new node's name." };
        var cidr = new Option<string?>("--pod-cidr") { Description = "Its pod CIDR, one of each family separated by a comma; without it the next free ones." };
        var cluster = ClusterOption.Create();
        var command = new Command("add", "Add a node and wait until it is ready.") { name, cidr, cluster };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Running(parsed.GetRequiredValue(cluster));
            var node = parsed.GetRequiredValue(name);
            if (ClusterSpecRules.NodeNameFault(node) is { } fault)
                throw new UserError(fault, exitCode: 2);
            using var client = ClusterOption.Client(paths);
            var cidrs = await FreeCidrsAsync(client, paths, parsed.GetValue(cidr), cancel);
            using var progress = new Progress(Console.Out);
            await client.CreateAsync(Resources.Nodes, NodeObjects.Make(node, cidrs), cancel);
            await WaitAsync(progress, $"node {node}", async () => await client.GetAsync(Resources.Nodes, null, node, cancel) is { } now && ClusterReadiness.IsReady(now), cancel);
            progress.Done($"node {node} ready");
        });
        return command;
    }

    private static Command CreateRemove()
    {
        var name = new Argument<string>("node") { Description = "The node's name." };
        var cluster = ClusterOption.Create();
        var command = new Command("remove", "Remove a node with its pods.") { name, cluster };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Running(parsed.GetRequiredValue(cluster));
            var node = parsed.GetRequiredValue(name);
            using var client = ClusterOption.Client(paths);
            if (await client.GetAsync(Resources.Nodes, null, node, cancel) is null)
                throw new UserError($"there is no node \"{node}\": 'podnet status' shows those that are");
            using var progress = new Progress(Console.Out);
            await client.DeleteAsync(Resources.Nodes, null, node, gracePeriodSeconds: null, cancel);
            await WaitAsync(progress, $"node {node} to end", () => Task.FromResult(!NetworkNamespace.Exists(paths.NodeNamespace(node))), cancel);
            progress.Done($"node {node} removed");
        });
        return command;
    }

    private static async Task<IReadOnlyList<string>> FreeCidrsAsync(ApiClient client, ClusterPaths paths, string? text, CancellationToken cancel)
    {
        if (text is null)
            return [];
        var cidrs = text.Split(',', StringSplitOptions.TrimEntries).Select(Parse).ToImmutableArray();
        var others = (await client.ListAsync(Resources.Nodes, null, null, cancel)).Select(node => new NodeSpec(node.Metadata.Name)
        {
            PodCidrs = [.. (node.Spec?.PodCIDRs ?? []).Select(IPNetwork.Parse)],
        });
        return ClusterSpecRules.PodCidrsFault(ClusterRecord.Load(paths)!.Spec, cidrs, others) is { } fault
            ? throw new UserError($"--pod-cidr: {fault}", exitCode: 2)
            : [.. cidrs.Select(cidr => cidr.ToString())];

        static IPNetwork Parse(string one) => Addresses.TryParseNetwork(one, out var cidr)
            ? cidr
            : throw new UserError($"--pod-cidr: \"{one}\" is no CIDR: write the first address and the prefix length, as 10.244.7.0/24", exitCode: 2);
    }

    private static async Task WaitAsync(Progress progress, string what, Func<Task<bool>> done, CancellationToken cancel)
    {
        progress.Now($"waiting for {what}");
        while (!await done())
        {
            if (progress.Elapsed > Timeout)
                throw new TimeoutException($"after {Timeout.TotalSeconds:0} s still waiting for {what}: the control plane's log says why");
            await Task.Delay(50, cancel);
        }
    }
}
