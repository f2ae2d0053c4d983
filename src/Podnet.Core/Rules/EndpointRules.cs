using System.Collections.Immutable;
using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>The split of a ServicePort's connections over its endpoints, and each endpoint's chain.</summary>
/// <remarks>
/// With n endpoints left, the next one takes 1/n of what reaches its rule; the last takes all, so that nothing falls through.
/// </remarks>
internal static class EndpointRules
{
    public static void Write(RulesetBuilder ruleset, ServicePortIntent port, bool comments)
    {
        if (!port.ClusterEndpoints.IsEmpty)
            WriteSplit(ruleset, KubeChains.Cluster(port.Name), port, port.ClusterEndpoints, comments);
        if (!port.LocalEndpoints.IsEmpty)
            WriteSplit(ruleset, KubeChains.Local(port.Name), port, port.LocalEndpoints, comments);
        foreach (var endpoint in port.ReachableEndpoints)
            WriteEndpoint(ruleset, port, endpoint, comments);
    }

    private static void WriteSplit(
        RulesetBuilder ruleset, string chainName, ServicePortIntent port, ImmutableArray<ServiceEndpoint> endpoints, bool comments)
    {
        var chain = ruleset.Nat(chainName);
        if (AffinitySeconds(port) is { } seconds)
        {
            foreach (var endpoint in endpoints)
            {
                var name = KubeChains.Endpoint(port.Name, endpoint);
                chain.Add(new IptablesRule
                {
                    Matches = [.. Towards(port, endpoint, comments), new RecentMatch(ruleset.Family, name, seconds)],
                    Target = new JumpTarget(name),
                });
            }
        }

        for (var i = 0; i < endpoints.Length; i++)
        {
            var left = endpoints.Length - i;
            var matches = Towards(port, endpoints[i], comments);
            chain.Add(new IptablesRule
            {
                Matches = left > 1 ? matches.Add(ProbabilityMatch.OneIn(left)) : matches,
                Target = new JumpTarget(KubeChains.Endpoint(port.Name, endpoints[i])),
            });
        }
    }

    private static void WriteEndpoint(RulesetBuilder ruleset, ServicePortIntent port, ServiceEndpoint endpoint, bool comments)
    {
        var name = KubeChains.Endpoint(port.Name, endpoint);
        var chain = ruleset.Nat(name);
        ImmutableArray<RuleMatch> comment = comments ? [new CommentMatch($"{port.Name}")] : [];
        // A pod that reaches itself through its Service would see its own address as the client's and answer it directly.
        chain.Add(new IptablesRule
        {
            Source = AddressMatch.Of(endpoint.Address),
            Matches = comment,
            Target = new JumpTarget(KubeChains.MarkMasquerade),
        });
        var matches = AffinitySeconds(port) is null ? comment : comment.Add(new RecentMatch(ruleset.Family, name, null));
        chain.Add(new IptablesRule
        {
            Protocol = new ProtocolMatch(RuleWords.Of(port.Name.Protocol)),
            Matches = matches.Add(new PortMatch(port.Name.Protocol)),
            Target = new DnatTarget(endpoint.Address, endpoint.Port),
        });
    }

    private static ImmutableArray<RuleMatch> Towards(ServicePortIntent port, ServiceEndpoint endpoint, bool comments) =>
        comments ? [new CommentMatch($"{port.Name} -> {endpoint.Text}")] : [];

    private static int? AffinitySeconds(ServicePortIntent port) => (int?)port.SessionAffinityTimeout?.TotalSeconds;
}
