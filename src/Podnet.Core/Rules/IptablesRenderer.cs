using Podnet.Core.Model;
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
        Write(ruleset, intent.Ports, config, IsLarge(intent.EndpointCount));
        NodePortJumps.Write(ruleset, config);
        return ruleset.Build();
    }

    internal static bool IsLarge(int endpoints) => endpoints > LargeCluster;

    /// <summary>What a Service adds to all this.</summary>
    internal static IptablesRuleset RenderShare(IPFamily family, IEnumerable<ServicePortIntent> ports, ServiceProxyConfig config, bool large)
    {
        var ruleset = new RulesetBuilder(family);
        Write(ruleset, ports, config, large);
        return ruleset.Build();
    }

    private static void Write(RulesetBuilder ruleset, IEnumerable<ServicePortIntent> ports, ServiceProxyConfig config, bool large)
    {
        foreach (var port in ports)
        {
            DispatchRules.Write(ruleset, port, config);
            ServiceRules.Write(ruleset, port, config);
            EndpointRules.Write(ruleset, port, comments: !large);
        }
    }
}
