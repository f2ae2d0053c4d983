using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>What is there without any Service: the jumps from built-in chains, masquerade, forwarding, the canaries.</summary>
internal static class FixedRules
{
    public const string InvalidDropped = "ct_state_invalid_dropped_pkts";

    private static readonly IPNetwork Localhost = new(IPAddress.Parse("127.0.0.0"), 8);

    public static void Write(RulesetBuilder ruleset, ServiceProxyConfig config)
    {
        foreach (var table in (string[])[IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat])
            ruleset.Chain(table, KubeChains.Canary);
        WriteFilterJumps(ruleset);
        WriteNatJumps(ruleset);
        WriteMasquerade(ruleset, config.MasqueradeMark);
        WriteForward(ruleset, config);
        if (ruleset.Family == IPFamily.V4 && config.ServesLocalhost)
            ruleset.Filter(KubeChains.Firewall).Add(MartianGuard());
    }

    private static void WriteFilterJumps(RulesetBuilder ruleset)
    {
        foreach (var chain in (string[])
            [KubeChains.Services, KubeChains.ExternalServices, KubeChains.NodePorts, KubeChains.Forward, KubeChains.ProxyFirewall, KubeChains.Firewall])
        {
            ruleset.Filter(chain);
        }

        var kubelet = new IptablesRule { Target = new JumpTarget(KubeChains.Firewall) };
        var firewall = JumpForNew("kubernetes load balancer firewall", KubeChains.ProxyFirewall);
        var services = JumpForNew("kubernetes service portals", KubeChains.Services);
        var external = JumpForNew("kubernetes externally-visible service portals", KubeChains.ExternalServices);
        ruleset.Filter("INPUT").AddRange(
            [kubelet, firewall, Jump("kubernetes health check service ports", KubeChains.NodePorts), external]);
        ruleset.Filter("FORWARD").AddRange(
            [firewall, Jump("kubernetes forwarding rules", KubeChains.Forward), services, external]);
        ruleset.Filter("OUTPUT").AddRange([kubelet, firewall, services]);
    }

    private static void WriteNatJumps(RulesetBuilder ruleset)
    {
        var services = Jump("kubernetes service portals", KubeChains.Services);
        ruleset.Nat("PREROUTING").Add(services);
        ruleset.Nat("OUTPUT").Add(services);
        ruleset.Nat("POSTROUTING").Add(Jump("kubernetes postrouting rules", KubeChains.PostRouting));
        ruleset.Nat(KubeChains.Services);
        ruleset.Nat(KubeChains.NodePorts);
    }

    private static void WriteMasquerade(RulesetBuilder ruleset, uint mark)
    {
        ruleset.Nat(KubeChains.MarkMasquerade).Add(new IptablesRule { Target = new MarkTarget(mark, mark) });
        ruleset.Nat(KubeChains.PostRouting).AddRange(
        [
            new IptablesRule { Matches = [new MarkMatch(mark, mark, Inverted: true)], Target = RuleTarget.Return },
            // Off again, so that a packet which passes the stack a second time is not masqueraded a second time.
            new IptablesRule { Target = new MarkTarget(mark, 0) },
            new IptablesRule
            {
                Matches = [new CommentMatch("kubernetes service traffic requiring SNAT")],
                Target = new MasqueradeTarget(),
            },
        ]);
    }

    private static void WriteForward(RulesetBuilder ruleset, ServiceProxyConfig config)
    {
        var forward = ruleset.Filter(KubeChains.Forward);
        // A packet that conntrack cannot place would reach the pod untranslated, which resets the connection.
        if (!config.ConntrackTcpBeLiberal)
        {
            forward.Add(new IptablesRule
            {
                Matches = config.Nfacct
                    ? [new ConntrackStateMatch("INVALID"), new NfacctMatch(InvalidDropped)]
                    : [new ConntrackStateMatch("INVALID")],
                Target = RuleTarget.Drop,
            });
        }

        forward.Add(new IptablesRule
        {
            Matches = [new CommentMatch("kubernetes forwarding rules"), new MarkMatch(config.MasqueradeMark, config.MasqueradeMark)],
            Target = RuleTarget.Accept,
        });
        forward.Add(new IptablesRule
        {
            Matches = [new CommentMatch("kubernetes forwarding conntrack rule"), new ConntrackStateMatch("RELATED,ESTABLISHED")],
            Target = RuleTarget.Accept,
        });
    }

    /// <summary>route_localnet lets packets from the network reach 127.0.0.1; only replies may.</summary>
    private static IptablesRule MartianGuard() => new()
    {
        Source = new AddressMatch(Localhost, Inverted: true),
        Destination = new AddressMatch(Localhost),
        Matches =
        [
            new CommentMatch("block incoming localnet connections"),
            new ConntrackStateMatch("RELATED,ESTABLISHED,DNAT", Inverted: true),
        ],
        Target = RuleTarget.Drop,
    };

    private static IptablesRule Jump(string comment, string chain) =>
        new() { Matches = [new CommentMatch(comment)], Target = new JumpTarget(chain) };

    private static IptablesRule JumpForNew(string comment, string chain) =>
        new() { Matches = [new ConntrackStateMatch("NEW"), new CommentMatch(comment)], Target = new JumpTarget(chain) };
}
