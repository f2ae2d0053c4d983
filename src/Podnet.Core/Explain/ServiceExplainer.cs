using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Core.Explain;

/// <summary>
/// Follows a packet for a Service through the rules that a node really has. It knows the rules only by reading them: what it says
/// holds whoever wrote them, kube-proxy included.
/// </summary>
public static class ServiceExplainer
{
    internal const string HeadlessStory =
        "it is headless: it has no cluster IP, so no rule is made for it; DNS answers with the addresses of its pods";

    /// <summary>Whom the rules send connections to: what to ask the kernel's routes about.</summary>
    public static IReadOnlyList<IPAddress> EndpointAddresses(IEnumerable<IptablesRuleset> rulesets, ExplainedService service)
    {
        var found = new List<IPAddress>();
        foreach (var ruleset in rulesets)
        {
            foreach (var catcher in service.Ports.SelectMany(p => service.ClusterIPs.Select(ip => Catcher(ruleset, ip, p))))
            {
                if (catcher?.JumpsTo is { } chain)
                    found.AddRange(EndpointStory.Targets(ruleset, chain).Select(t => t.Address));
            }
        }

        return [.. found.Distinct()];
    }

    public static ServiceExplanation Explain(ExplainInput input)
    {
        var service = input.Service;
        if (service.ClusterIPs.IsEmpty)
        {
            return new ServiceExplanation(
                $"{service.Name}", input.NodeName, HeadlessStory, []);
        }

        ImmutableArray<PortExplanation> ports =
            [.. service.ClusterIPs.SelectMany(ip => service.Ports.Select(p => ExplainPort(input, ip, p)))];
        var problem = ports.All(p => p.Problem is not null) ? ports.FirstOrDefault()?.Problem ?? "it has no ports" : null;
        return new ServiceExplanation($"{service.Name}", input.NodeName, problem, ports);
    }

    private static PortExplanation ExplainPort(ExplainInput input, IPAddress clusterIP, ServicePort port)
    {
        var name = new ServicePortName(input.Service.Name, port.Name, port.Protocol);
        var story = new PortExplanation(
            port.Name,
            RuleWords.Of(port.Protocol),
            AddressText.Of(clusterIP),
            port.Port,
            input.Addresses.FirstOrDefault(a => a.Address.Equals(clusterIP))?.Interface,
            null, null, [], [], []);
        if (input.Rulesets.FirstOrDefault(r => r.Family == clusterIP.Family()) is not { } ruleset)
            return story with { Problem = $"the node's rules for IP{clusterIP.Family().ToString().ToLowerInvariant()} were not read" };

        story = story with { AlsoCaughtBy = Others(ruleset, name, clusterIP) };
        if (Catcher(ruleset, clusterIP, port) is { JumpsTo: { } chain } catcher)
        {
            var endpoints = EndpointStory.Tell(input, ruleset, chain);
            return story with
            {
                CaughtBy = Cite(IptablesTables.Nat, KubeChains.Services, catcher),
                Problem = endpoints.IsEmpty ? $"{chain} leads to no endpoint: the rules are incomplete, the next check of the agent repairs them" : null,
                Endpoints = endpoints,
                Masquerade = MasqueradeStory.Tell(ruleset, chain),
            };
        }

        if (Refusal(ruleset, clusterIP, port) is { } refusal)
        {
            return story with
            {
                CaughtBy = Cite(IptablesTables.Filter, KubeChains.Services, refusal),
                Problem = refusal.Target is RejectTarget
                    ? "no endpoint serves it: clients are refused at once (is a pod ready, does the selector match, does targetPort?)"
                    : "no endpoint on this node serves it, and internalTrafficPolicy Local allows no other: packets are dropped",
            };
        }

        return story with { Problem = "no rule catches it: the node's agent has not written it yet, or is not running" };
    }

    internal static CitedRule Cite(string table, string chain, IptablesRule rule)
    {
        var counters = rule.Counters ?? default;
        return new CitedRule(table, chain, IptablesText.Append(chain, rule), counters.Packets, counters.Bytes);
    }

    private static IptablesRule? Catcher(IptablesRuleset ruleset, IPAddress clusterIP, ServicePort port) =>
        ruleset.RulesOf(IptablesTables.Nat, KubeChains.Services).FirstOrDefault(r => r.JumpsTo is not null && IsFor(r, clusterIP, port));

    private static IptablesRule? Refusal(IptablesRuleset ruleset, IPAddress clusterIP, ServicePort port) =>
        ruleset.RulesOf(IptablesTables.Filter, KubeChains.Services).FirstOrDefault(r => IsFor(r, clusterIP, port));

    private static bool IsFor(IptablesRule rule, IPAddress address, ServicePort port) =>
        IsTo(rule, address) && rule.Match<PortMatch>() == new PortMatch(port.Protocol, port.Port);

    private static bool IsTo(IptablesRule rule, IPAddress address) => rule.Destination == AddressMatch.Of(address);

    /// <summary>By their comments, which begin with the ServicePort's name.</summary>
    private static ImmutableArray<CitedRule> Others(IptablesRuleset ruleset, ServicePortName name, IPAddress clusterIP)
    {
        (string Table, string Chain)[] places =
        [
            (IptablesTables.Nat, KubeChains.Services), (IptablesTables.Nat, KubeChains.NodePorts),
            (IptablesTables.Filter, KubeChains.ExternalServices), (IptablesTables.Filter, KubeChains.ProxyFirewall),
        ];
        return
        [
            .. places.SelectMany(p => ruleset.RulesOf(p.Table, p.Chain)
                .Where(r => IsAbout(r, name) && !IsTo(r, clusterIP))
                .Select(r => Cite(p.Table, p.Chain, r))),
        ];
    }

    private static bool IsAbout(IptablesRule rule, ServicePortName name) =>
        rule.Comment is { } comment
        && (comment == $"{name}" || comment.StartsWith($"{name} ", StringComparison.Ordinal))
        && rule.Match<PortMatch>()?.Protocol == name.Protocol;
}
