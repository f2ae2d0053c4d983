using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Services;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Fixtures;

namespace Podnet.Cni.Tests;

/// <summary>What else is on a node: the rules of the Service proxy, in one of its modes.</summary>
public enum ProxyRules
{
    None,
    Iptables,
    Nftables,
}

internal static class ProxyRulesOfNode
{
    /// <summary>Into the calling thread's network namespace, by the drivers of the agent: a Service with a node port, and one with IPv6 addresses.</summary>
    public static void Install(this ProxyRules mode)
    {
        foreach (var family in Enum.GetValues<IPFamily>())
        {
            var fixture = RuleFixture.Read(family == IPFamily.V4 ? "05-nodeport" : "15-dual-stack");
            if (mode == ProxyRules.Iptables)
            {
                new IptablesDriver(family).Apply(fixture.Render(family));
            }
            else if (mode == ProxyRules.Nftables)
            {
                var table = new ServiceTable(family, RuleFixture.Config, []);
                foreach (var service in ServicePlanner.Plan(fixture.State, "node-1", family).Ports.GroupBy(port => port.Name.Service))
                    table.Put(service.Key, service, new TableChange());
                using var ruleset = new Ruleset();
                new ServiceTableDriver(family, ruleset).Apply(table);
            }
        }
    }
}
