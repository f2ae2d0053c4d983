using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Core.Rules;

/// <summary>
/// What catches a ServicePort's addresses: in nat a jump to the chain that serves it, in filter a reject or drop where nothing
/// does.
/// </summary>
internal static class DispatchRules
{
    public const string LocalhostAccepted = "localhost_nps_accepted_pkts";

    private static readonly IPNetwork Localhost = new(IPAddress.Parse("127.0.0.0"), 8);

    public static void Write(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        WriteClusterIP(ruleset, port);
        WriteExternalAddresses(ruleset, port);
        WriteNodePort(ruleset, port, config);
        if (port.HealthCheckNodePort != 0)
        {
            ruleset.Filter(KubeChains.NodePorts).Add(ToPort(
                null, Protocol.Tcp, port.HealthCheckNodePort, $"{port.Name} health check node port", RuleTarget.Accept));
        }
    }

    /// <summary>A rule for packets to an address (any, if null) and port.</summary>
    internal static IptablesRule ToPort(IPAddress? to, Protocol protocol, ushort port, string comment, RuleTarget target) => new()
    {
        Destination = to is null ? null : AddressMatch.Of(to),
        Protocol = new ProtocolMatch(RuleWords.Of(protocol)),
        Matches = [new CommentMatch(comment), new PortMatch(protocol, port)],
        Target = target,
    };

    private static void WriteClusterIP(RulesetBuilder ruleset, ServicePortIntent port)
    {
        if (port.InternalVerdict == ServiceVerdict.Forward)
        {
            ruleset.Nat(KubeChains.Services).Add(ToPort(
                port.ClusterIP, port.Name.Protocol, port.Port, $"{port.Name} cluster IP", new JumpTarget(ServiceRules.InternalChain(port))));
        }
        else
        {
            ruleset.Filter(KubeChains.Services).Add(ToPort(
                port.ClusterIP, port.Name.Protocol, port.Port, RefusalComment(port, port.InternalVerdict), Refusal(ruleset, port.InternalVerdict)));
        }
    }

    private static void WriteExternalAddresses(RulesetBuilder ruleset, ServicePortIntent port)
    {
        foreach (var address in port.ExternalIPs)
            WriteExternalAddress(ruleset, port, address, "external IP", KubeChains.External(port.Name));
        foreach (var address in port.LoadBalancerIPs)
        {
            var guarded = ServiceRules.HasFirewall(port);
            var chain = guarded ? KubeChains.LoadBalancerFirewall(port.Name) : KubeChains.External(port.Name);
            WriteExternalAddress(ruleset, port, address, "loadbalancer IP", chain);
            if (guarded)
            {
                // What comes out of the firewall chain untranslated was not accepted there.
                ruleset.Filter(KubeChains.ProxyFirewall).Add(ToPort(
                    address, port.Name.Protocol, port.Port, $"{port.Name} traffic not accepted by {chain}", RuleTarget.Drop));
            }
        }
    }

    private static void WriteExternalAddress(
        RulesetBuilder ruleset, ServicePortIntent port, IPAddress address, string kind, string chain)
    {
        // Not by the verdict: also with a Drop, pods and the node itself are let through to the cluster's endpoints.
        if (port.HasEndpoints)
        {
            ruleset.Nat(KubeChains.Services).Add(ToPort(
                address, port.Name.Protocol, port.Port, $"{port.Name} {kind}", new JumpTarget(chain)));
        }

        if (port.ExternalVerdict != ServiceVerdict.Forward)
        {
            ruleset.Filter(KubeChains.ExternalServices).Add(ToPort(
                address, port.Name.Protocol, port.Port, RefusalComment(port, port.ExternalVerdict), Refusal(ruleset, port.ExternalVerdict)));
        }
    }

    private static void WriteNodePort(RulesetBuilder ruleset, ServicePortIntent port, ServiceProxyConfig config)
    {
        if (port.NodePort == 0)
            return;
        if (port.HasEndpoints)
        {
            var target = new JumpTarget(KubeChains.External(port.Name));
            var general = ToPort(null, port.Name.Protocol, port.NodePort, $"{port.Name}", target);
            if (ruleset.Family == IPFamily.V4 && config.ServesLocalhost && config.Nfacct)
            {
                // Only to count how many still use it.
                ruleset.Nat(KubeChains.NodePorts).Add(new IptablesRule
                {
                    Destination = new AddressMatch(Localhost),
                    Protocol = general.Protocol,
                    Matches = [.. general.Matches, new NfacctMatch(LocalhostAccepted)],
                    Target = target,
                });
            }

            ruleset.Nat(KubeChains.NodePorts).Add(general);
        }

        if (port.ExternalVerdict != ServiceVerdict.Forward)
        {
            ruleset.Filter(KubeChains.ExternalServices).Add(new IptablesRule
            {
                Protocol = new ProtocolMatch(RuleWords.Of(port.Name.Protocol)),
                Matches =
                [
                    new CommentMatch(RefusalComment(port, port.ExternalVerdict)),
                    new LocalAddressMatch(OfSource: false),
                    new PortMatch(port.Name.Protocol, port.NodePort),
                ],
                Target = Refusal(ruleset, port.ExternalVerdict),
            });
        }
    }

    private static string RefusalComment(ServicePortIntent port, ServiceVerdict verdict) =>
        verdict == ServiceVerdict.Reject ? $"{port.Name} has no endpoints" : $"{port.Name} has no local endpoints";

    private static RuleTarget Refusal(RulesetBuilder ruleset, ServiceVerdict verdict) =>
        verdict == ServiceVerdict.Reject ? new RejectTarget(ruleset.Family) : RuleTarget.Drop;
}
