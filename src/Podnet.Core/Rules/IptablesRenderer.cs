using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>
/// Renders Services as the rules that kube-proxy writes in iptables mode, name for name and text for text. Of the built-in
/// chains it holds only the jumps into the proxy's own.
/// </summary>
public static class IptablesRenderer
{
    /// <summary>
    /// With more endpoints than this, rules per endpoint have no comments (kube-proxy's largeClusterEndpointsThreshold).
    /// </summary>
    private const int LargeCluster = 1000;

    public static IptablesRuleset Render(ServiceIntent intent, ServiceProxyConfig config)
    {
        var ruleset = new RulesetBuilder(intent.Family);
        FixedRules.Write(ruleset, config);
        var comments = intent.EndpointCount <= LargeCluster;
        foreach (var port in intent.Ports)
        {
            DispatchRules.Write(ruleset, port, config);
            ServiceRules.Write(ruleset, port, config);
            EndpointRules.Write(ruleset, port, comments);
        }

        NodePortJumps.Write(ruleset, config);
        return ruleset.Build();
    }
}
