using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using k8s.Models;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Dataplane;
using Podnet.Kubernetes;
using Podnet.Kubernetes.Converters;
using Podnet.Local;

namespace Podnet.Cli.Commands;

/// <summary>Tells from a node's live kernel what happens to the packets for a Service.</summary>
internal static class ExplainCommand
{
    internal static Command Create() => new("explain", "Explain from the live kernel what happens to a packet.") { CreateService() };

    private static Command CreateService()
    {
        var service = new Argument<string>("service") { Description = "[NAMESPACE/]NAME" };
        var node = new Option<string?>("--node") { Description = "From which node it is seen; without it the first one." };
        var cluster = ClusterOption.Create();
        var output = OutputOption.Create();
        var command = new Command("service", "Which rules catch a Service's address, how they split it, and where the packet goes.")
        {
            service, node, cluster, output,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var paths = ClusterOption.Running(parsed.GetRequiredValue(cluster));
            var input = await ReadAsync(paths, parsed.GetRequiredValue(service), parsed.GetValue(node), cancel);
            var (text, problem) = Told(input, asJson: parsed.GetRequiredValue(output) == "json");
            Console.WriteLine(text);
            return problem is null ? 0 : 1;
        });
        return command;
    }

    /// <summary>In the words of the mode that the node is in.</summary>
    private static (string Text, string? Problem) Told(ExplainInput input, bool asJson)
    {
        if (input.Tables.IsEmpty)
        {
            var rules = ServiceExplainer.Explain(input);
            return (asJson ? ExplanationJson.Print(rules) : ExplanationText.Print(rules).TrimEnd(), rules.Problem);
        }

        var table = TableExplainer.Explain(input);
        return (asJson ? ExplanationJson.Print(table) : TableExplanationText.Print(table).TrimEnd(), table.Problem);
    }

    private static async Task<ExplainInput> ReadAsync(ClusterPaths paths, string text, string? nodeName, CancellationToken cancel)
    {
        using var client = ClusterOption.Client(paths);
        var name = text.Split('/') is [var space, var own] ? new ObjectName(space, own) : new ObjectName("default", text);
        var service = await client.GetAsync(Resources.Services, name.Namespace, name.Name, cancel)
            ?? throw new UserError($"there is no Service {name}: 'podnet status' shows those that are");
        var nodes = (await client.ListAsync(Resources.Nodes, null, null, cancel))
            .Select(n => NodeConverter.Convert(n).Value).OfType<Node>().OrderBy(n => n.Name).ToImmutableArray();
        var node = nodeName is null ? nodes.FirstOrDefault() : nodes.FirstOrDefault(n => n.Name == nodeName);
        if (node is null)
            throw new UserError($"there is no node {nodeName ?? "at all"}: 'podnet status' shows those that are");
        using var inside = paths.OpenNode(node.Name);
        return inside.Run(() => ExplainReader.Read(node.Name, Asked(name, service), nodes));
    }

    private static ExplainedService Asked(ObjectName name, V1Service service)
    {
        var converted = ServiceConverter.Convert(service).Value;
        return new ExplainedService(
            name,
            [.. (service.Spec.ClusterIPs ?? []).Select(a => IPAddress.TryParse(a, out var address) ? address : null).OfType<IPAddress>()],
            converted?.Ports ?? [])
        {
            ExternalIPs = converted?.ExternalIPs ?? [],
            LoadBalancerIPs = converted?.LoadBalancerIPs ?? [],
        };
    }
}
