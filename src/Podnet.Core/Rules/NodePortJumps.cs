using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Rules;

/// <summary>
/// The way into KUBE-NODEPORTS, last in KUBE-SERVICES: an address that is both a node's and a Service's belongs to the Service.
/// </summary>
internal static class NodePortJumps
{
    private const string Comment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";

    private static readonly IPNetwork Localhost = new(IPAddress.Parse("127.0.0.0"), 8);

    public static void Write(RulesetBuilder ruleset, ServiceProxyConfig config)
    {
        var services = ruleset.Nat(KubeChains.Services);
        if (config.NodePortsEverywhere(ruleset.Family))
        {
            services.Add(new IptablesRule
            {
                Destination = Excluded(ruleset.Family, config) is { } network ? new AddressMatch(network, Inverted: true) : null,
                Matches = [new CommentMatch(Comment), new LocalAddressMatch(OfSource: false)],
                Target = new JumpTarget(KubeChains.NodePorts),
            });
            return;
        }

        var networks = config.NodePortAddresses.Where(n => n.Family() == ruleset.Family).ToList();
        foreach (var address in config.InterfaceAddresses.Distinct().Where(a => networks.Exists(n => n.Contains(a))))
        {
            if (IPAddress.IsLoopback(address) && (ruleset.Family == IPFamily.V6 || !config.ServesLocalhost))
                continue;
            services.Add(new IptablesRule
            {
                Destination = AddressMatch.Of(address),
                Matches = [new CommentMatch(Comment)],
                Target = new JumpTarget(KubeChains.NodePorts),
            });
        }
    }

    /// <summary>Node ports never work on ::1, and on 127.0.0.1 only with route_localnet.</summary>
    private static IPNetwork? Excluded(IPFamily family, ServiceProxyConfig config)
    {
        if (family == IPFamily.V6)
            return new IPNetwork(IPAddress.IPv6Loopback, 128);
        return config.ServesLocalhost ? null : Localhost;
    }
}
