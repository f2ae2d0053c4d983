using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>A ServicePort's own chains but for the split: who is masqueraded, who may enter, which policy holds for whom.</summary>
internal static class ServiceRules
{
    public static void Write(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        if (port.InternalVerdict == ServiceVerdict.Forward)
            WriteInternal(ruleset, port, config);
        if (port.HasEndpoints && port.IsExternallyAccessible)
            WriteExternal(ruleset, port, config);
        if (HasFirewall(port))
            WriteFirewall(ruleset, port, config);
    }

    /// <summary>The chain for traffic to the cluster IP.</summary>
    public static string InternalChain(ServicePortIntent port) => ChainFor(port, port.InternalPolicy);

    public static bool HasFirewall(ServicePortIntent port) =>
        port.HasEndpoints && !port.LoadBalancerIPs.IsEmpty && !port.SourceRanges.IsEmpty;

    private static string ChainFor(ServicePortIntent port, TrafficPolicy policy) =>
        policy == TrafficPolicy.Local ? KubeChains.Local(port.Name) : KubeChains.Cluster(port.Name);

    /// <summary>
    /// A client from beyond the cluster must get its reply through this node, wherever the endpoint is: it is masqueraded.
    /// </summary>
    private static void WriteInternal(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        var all = DispatchRules.ToPort(
            port.ClusterIP, port.Name.Protocol, port.Port, $"{port.Name} cluster IP", new JumpTarget(KubeChains.MarkMasquerade));
        if (config.MasqueradeAll)
            ruleset.Nat(InternalChain(port)).Add(all);
        else if (PodTraffic(ruleset.Family, config, inverted: true) is { } notFromPods)
            ruleset.Nat(InternalChain(port)).Add(Restrict(notFromPods, all));
    }

    private static void WriteExternal(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        var chain = ruleset.Nat(KubeChains.External(port.Name));
        var masquerade = new JumpTarget(KubeChains.MarkMasquerade);
        var cluster = new JumpTarget(KubeChains.Cluster(port.Name));
        if (port.ExternalPolicy == TrafficPolicy.Cluster)
        {
            chain.Add(Commented($"masquerade traffic for {port.Name} external destinations", masquerade));
        }
        else
        {
            // As if pods' traffic went out to the load balancer and came in again where the endpoints are.
            if (PodTraffic(ruleset.Family, config, inverted: false) is { } fromPods)
                chain.Add(Restrict(fromPods, Commented($"pod traffic for {port.Name} external destinations", cluster)));
            // The node's own traffic may carry the load balancer IP as its source, which no other node can answer to.
            chain.Add(FromNode($"masquerade LOCAL traffic for {port.Name} external destinations", masquerade));
            chain.Add(FromNode($"route LOCAL traffic for {port.Name} external destinations", cluster));
        }

        if (port.ExternalVerdict == ServiceVerdict.Forward)
            chain.Add(new IptablesRule { Target = new JumpTarget(ChainFor(port, port.ExternalPolicy)) });
    }

    private static void WriteFirewall(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        var chain = ruleset.Nat(KubeChains.LoadBalancerFirewall(port.Name));
        var allowed = new JumpTarget(KubeChains.External(port.Name));
        ImmutableArray<RuleMatch> comment = [new CommentMatch($"{port.Name} loadbalancer IP")];
        foreach (var range in port.SourceRanges)
            chain.Add(new IptablesRule { Source = new AddressMatch(range), Matches = comment, Target = allowed });

        // Where the load balancer IP is on the node itself, the node's requests to it come from that very IP.
        if (config.NodeIP(ruleset.Family) is { } nodeIP && port.SourceRanges.Any(range => range.Contains(nodeIP)))
        {
            foreach (var address in port.LoadBalancerIPs)
                chain.Add(new IptablesRule { Source = AddressMatch.Of(address), Matches = comment, Target = allowed });
        }

        chain.Add(Commented($"other traffic to {port.Name} will be dropped by {KubeChains.ProxyFirewall}", null));
    }

    /// <summary>Null where pods' traffic cannot be told from other traffic.</summary>
    private static IptablesRule? PodTraffic(IPFamily family, ServiceProxyConfig config, bool inverted) => config.LocalTraffic switch
    {
        LocalTraffic.FromNetworks networks when networks.Networks.Any(n => n.Family() == family) =>
            new IptablesRule { Source = new AddressMatch(networks.Networks.First(n => n.Family() == family), inverted) },
        LocalTraffic.FromBridge bridge => new IptablesRule { In = new InterfaceMatch(bridge.Interface, inverted) },
        LocalTraffic.FromInterfaces links => new IptablesRule { In = new InterfaceMatch(links.Prefix + "+", inverted) },
        _ => null,
    };

    private static IptablesRule Restrict(IptablesRule to, IptablesRule rule) => new()
    {
        Source = to.Source,
        In = to.In,
        Destination = rule.Destination,
        Protocol = rule.Protocol,
        Matches = rule.Matches,
        Target = rule.Target,
    };

    private static IptablesRule Commented(string comment, RuleTarget? target) =>
        new() { Matches = [new CommentMatch(comment)], Target = target };

    private static IptablesRule FromNode(string comment, RuleTarget target) =>
        new() { Matches = [new CommentMatch(comment), new LocalAddressMatch(OfSource: true)], Target = target };
}
