using System.CommandLine;
using System.Net;
using Podnet.Agent;
using Podnet.Core.Routes;
using Podnet.Kubernetes.Converters;

namespace Podnet.Cli.Commands;

/// <summary>What the agent is told of the pod network: no field of kube-proxy's config, so these count beside a config file, too.</summary>
internal sealed class PodNetworkFlags
{
    private readonly Option<string?> _mode = new("--pod-network")
    {
        Description = "How packets get to other nodes' pods: direct, vxlan, or auto (direct to nodes on a link of this one's). Without it: auto.",
    };

    private readonly Option<string[]> _notMasqueraded = new("--non-masquerade-cidr")
    {
        Description = "What pods reach with their own addresses beside pods and nodes: CIDRs separated by commas.",
    };

    private readonly Option<bool> _fastPath = new("--fast-path")
    {
        Description = "Established TCP connections that nothing translates go past routing, connection tracking and rules, by BPF programs on the links. "
            + "Kernels without what that needs (Linux 6.0, BTF) go without.",
        DefaultValueFactory = _ => true,
    };

    internal IEnumerable<Option> Options => [_mode, _notMasqueraded, _fastPath];

    internal AgentOptions Put(ParseResult parsed, AgentOptions options) => options with
    {
        PodNetwork = Mode("--pod-network", parsed.GetValue(_mode)),
        FastPath = parsed.GetValue(_fastPath),
        NonMasqueradeCidrs = [.. (parsed.GetValue(_notMasqueraded) ?? [])
            .SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries)).Select(text => Cidr("--non-masquerade-cidr", text))],
    };

    private static PodNetworkMode Mode(string flag, string? text) => text switch
    {
        null or "auto" => PodNetworkMode.Auto,
        "direct" => PodNetworkMode.Direct,
        "vxlan" => PodNetworkMode.Vxlan,
        _ => throw new UserError($"{flag}: \"{text}\" is unknown: use direct, vxlan or auto", exitCode: 2),
    };

    private static IPNetwork Cidr(string flag, string text) => Addresses.TryParseNetwork(text, out var network)
        ? network
        : throw new UserError($"{flag}: \"{text}\" is no CIDR: write an address and a prefix length, as 192.168.0.0/16", exitCode: 2);
}
