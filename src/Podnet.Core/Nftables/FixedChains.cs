using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Nftables;

/// <summary>The chains that are there however many Services there are. They name no Service: the sets do.</summary>
public static class FixedChains
{
    public const string Rejecting = "rejecting";
    public const string NotFromPod = "not-from-pod";
    public const string UnknownPort = "unknown-port";

    // Where packets are translated, before it, and where filters usually are (NF_IP_PRI_*, linux/netfilter_ipv4.h).
    private const int BeforeDestinationNat = -110;
    private const int DestinationNat = -100;
    private const int Filter = 0;
    private const int BeforeSourceNat = 90;
    private const int SourceNat = 100;

    private static readonly TableRule Firewall =
        new([new InSet(ServiceSet.Firewalled), new InSet(ServiceSet.AllowedSources, Inverted: true), new Count(), new Drop()])
        {
            Comment = "not in loadBalancerSourceRanges",
        };

    private static readonly TableRule NoEndpoints = new([new NewConnection(), new ByMap(ServiceSet.NoEndpoints)]);
    private static readonly TableRule ToUnknownPort = new([new NewConnection(), new Jump(UnknownPort)]);

    private static readonly ImmutableArray<TableRule> Services =
    [
        new([new ByMap(ServiceSet.Services)]),
        new([new InSet(ServiceSet.NodePortIPs), new ByMap(ServiceSet.NodePorts)]),
    ];

    private static readonly ImmutableArray<TableRule> Sessions =
    [
        new([new Translated(), new ByOriginal(ServiceSet.SessionServices)]),
        new([new Translated(), new ByOriginal(ServiceSet.SessionNodePorts)]),
    ];

    /// <remarks>
    /// Chains of type nat are asked once a connection, those of type filter for every packet: what can be of type nat is. Sessions cannot
    /// be kept where the translation is, which ends the walk through that hook's chains: but the source's translation, later, has its own.
    /// </remarks>
    internal static ImmutableArray<TableChain> For(IPFamily family, ServiceProxyConfig config) =>
    [
        new("firewall-prerouting", [Firewall]) { Base = new(BaseHook.Prerouting, BeforeDestinationNat, IsNat: true) },
        new("firewall-output", [Firewall]) { Base = new(BaseHook.Output, BeforeDestinationNat, IsNat: true) },
        new("services-prerouting", Services) { Base = new(BaseHook.Prerouting, DestinationNat, IsNat: true) },
        new("services-output", Services) { Base = new(BaseHook.Output, DestinationNat, IsNat: true) },
        new("filter-input",
        [
            new([new NewConnection(), new InSet(ServiceSet.NodePortIPs), new ByMap(ServiceSet.NoEndpointNodePorts)]),
            NoEndpoints,
        ])
        { Base = new(BaseHook.Input, Filter, IsNat: false) },
        new("filter-forward", [NoEndpoints, ToUnknownPort]) { Base = new(BaseHook.Forward, Filter, IsNat: false) },
        new("filter-output", [NoEndpoints, ToUnknownPort]) { Base = new(BaseHook.Output, Filter, IsNat: false) },
        new("sessions-input", Sessions) { Base = new(BaseHook.Input, BeforeSourceNat, IsNat: true) },
        new("sessions-postrouting", Sessions) { Base = new(BaseHook.Postrouting, BeforeSourceNat, IsNat: true) },
        new("masquerading",
        [
            new([new Marked(config.MasqueradeMark), new ToggleMark(config.MasqueradeMark), new Count(), new MasqueradeFullyRandom()])
            {
                Comment = "Service traffic that does not come from pods",
            },
            new([new Translated(), new InSet(ServiceSet.Hairpin), new Count(), new MasqueradeFullyRandom()])
            {
                Comment = "pods that reach themselves through a Service",
            },
        ])
        { Base = new(BaseHook.Postrouting, SourceNat, IsNat: true) },
        new(NotFromPod, NotFromPodRules(family, config)) { Comment = "replies to clients that are not pods must come back through this node" },
        new(UnknownPort,
        [
            new([new InSet(ServiceSet.ClusterIPs), new Count(), new Reject()]) { Comment = "a port that the Service does not have" },
            new([new InSet(ServiceSet.ServiceCidrs), new Count(), new Drop()]) { Comment = "an address that no Service has" },
        ]),
        new(Rejecting, [new([new Reject()])]),
    ];

    /// <summary>Null where nothing is known of how pods look; then nothing is theirs, and nothing is not.</summary>
    internal static Statement? FromPod(ServiceProxyConfig config, IPFamily family, bool inverted) => config.LocalTraffic switch
    {
        LocalTraffic.FromNetworks { Networks: var networks } =>
            networks.Where(network => network.Family() == family).Select(network => new SourceIn(network, inverted)).FirstOrDefault(),
        LocalTraffic.FromBridge { Interface: var bridge } => new FromInterface(bridge, IsPrefix: false, inverted),
        LocalTraffic.FromInterfaces { Prefix: var prefix } => new FromInterface(prefix, IsPrefix: true, inverted),
        _ => null,
    };

    private static ImmutableArray<TableRule> NotFromPodRules(IPFamily family, ServiceProxyConfig config)
    {
        if (config.MasqueradeAll)
            return [new([new SetMark(config.MasqueradeMark)])];
        return FromPod(config, family, inverted: true) is { } notFromPod
            ? [new([notFromPod, new SetMark(config.MasqueradeMark)])]
            : [];
    }
}
