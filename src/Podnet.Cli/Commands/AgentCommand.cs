using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using Podnet.Agent;
using Podnet.Kubernetes.Converters;

namespace Podnet.Cli.Commands;

/// <summary>The agent of one node: it programs the network namespace that it runs in, until it is stopped.</summary>
internal static class AgentCommand
{
    internal static Command Create()
    {
        var node = new Option<string>("--node-name") { Description = "The name of this node's Node object.", Required = true };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "How to reach the API server. Without it: as a pod of the cluster, by its service account." };
        var mode = new Option<string>("--proxy-mode") { Description = "How Services become kernel rules: iptables.", DefaultValueFactory = _ => "iptables" };
        var cidrs = new Option<string?>("--cluster-cidr")
        {
            Description = "What counts as pods, one CIDR a family, separated by a comma. Without it: the node's own pod CIDRs.",
        };
        var command = new Command("agent", "Run a node's agent: routes, egress and Services of the network namespace it is in.") { node, kubeconfig, mode, cidrs };
        command.SetAction(async (parsed, cancel) =>
        {
            var options = new AgentOptions(parsed.GetRequiredValue(node), parsed.GetValue(kubeconfig))
            {
                ProxyMode = Mode(parsed.GetRequiredValue(mode)),
                ClusterCidrs = Cidrs(parsed.GetValue(cidrs)),
            };
            await NodeAgent.RunAsync(options, cancel);
        });
        return command;
    }

    private static ProxyMode Mode(string text) => text switch
    {
        "iptables" => ProxyMode.Iptables,
        _ => throw new UserError($"--proxy-mode {text}: use iptables", exitCode: 2),
    };

    private static ImmutableArray<IPNetwork> Cidrs(string? text)
    {
        if (text is null)
            return [];
        return
        [
            .. text.Split(',').Select(part => Addresses.TryParseNetwork(part, out var cidr)
                ? cidr
                : throw new UserError($"--cluster-cidr: \"{part}\" is no CIDR: write the first address and the prefix length, as 10.244.0.0/16", exitCode: 2)),
        ];
    }
}
