using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Explain;

/// <summary>The split over the endpoints, the DNAT, and the way from there.</summary>
internal static class EndpointStory
{
    /// <summary>A rule of the split, and the DNAT that it leads to.</summary>
    private sealed record Branch(IptablesRule Split, string Chain, IptablesRule Dnat, DnatTarget To);

    public static IEnumerable<DnatTarget> Targets(IptablesRuleset ruleset, string chain) =>
        Branches(ruleset, chain).Select(b => b.To);

    public static ImmutableArray<EndpointExplanation> Tell(ExplainInput input, IptablesRuleset ruleset, string chain)
    {
        var branches = Branches(ruleset, chain);
        var split = branches.Where(b => b.Split.Match<RecentMatch>() is null).ToList();
        var total = split.Aggregate(0UL, (sum, b) => sum + Connections(b));
        var told = ImmutableArray.CreateBuilder<EndpointExplanation>(split.Count);
        var left = 1.0;
        foreach (var branch in split)
        {
            var probability = branch.Split.Match<ProbabilityMatch>()?.Probability ?? 1;
            var keeper = branches.Find(b => b.Chain == branch.Chain && b.Split.Match<RecentMatch>() is not null);
            var route = input.Routes.GetValueOrDefault(branch.To.Address);
            told.Add(new EndpointExplanation(
                AddressText.Of(branch.To.Address, branch.To.Port),
                ServiceExplainer.Cite(IptablesTables.Nat, chain, branch.Split),
                probability,
                left * probability,
                Connections(branch),
                total == 0 ? null : (double)Connections(branch) / total,
                ServiceExplainer.Cite(IptablesTables.Nat, branch.Chain, branch.Dnat),
                route?.Device,
                route is null ? null : RouteText(branch.To.Address, route),
                NodeOf(input, branch.To.Address, route),
                keeper is null ? null : ServiceExplainer.Cite(IptablesTables.Nat, chain, keeper.Split)));
            left *= 1 - probability;
        }

        return told.ToImmutable();
    }

    /// <summary>Also those that came by session affinity or through a node port: what the endpoint really got.</summary>
    private static ulong Connections(Branch branch) => branch.Dnat.Counters?.Packets ?? 0;

    private static List<Branch> Branches(IptablesRuleset ruleset, string chain)
    {
        var branches = new List<Branch>();
        foreach (var rule in ruleset.RulesOf(IptablesTables.Nat, chain))
        {
            if (rule.JumpsTo is not { } next || next == KubeChains.MarkMasquerade)
                continue;
            foreach (var dnat in ruleset.RulesOf(IptablesTables.Nat, next))
            {
                if (dnat.Target is DnatTarget to)
                    branches.Add(new Branch(rule, next, dnat, to));
            }
        }

        return branches;
    }

    internal static string RouteText(IPAddress endpoint, RouteLookup route)
    {
        var to = route.Destination is { } network ? AddressText.Of(network) : AddressText.Of(endpoint);
        return route.Gateway is { } gateway ? $"{to} via {AddressText.Of(gateway)}" : to;
    }

    /// <summary>Pods by their node's CIDR; pods with the node's own network by its address; else by where the route goes.</summary>
    internal static string? NodeOf(ExplainInput input, IPAddress endpoint, RouteLookup? route) =>
        (input.Nodes.FirstOrDefault(n => n.PodCidrs.Any(c => c.Contains(endpoint)))
            ?? input.Nodes.FirstOrDefault(n => n.InternalIPs.Contains(endpoint))
            ?? input.Nodes.FirstOrDefault(n => route?.Gateway is { } gateway && n.InternalIPs.Contains(gateway)))?.Name;
}
