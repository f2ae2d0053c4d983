using System.Collections.Immutable;

namespace Podnet.Core.Nftables;

/// <summary>The sets and maps of the table that hold what changes: Services are elements, not rules.</summary>
public enum ServiceSet
{
    /// <summary>Transport protocols that have ports.</summary>
    Transports,

    /// <summary>Cluster IPs of all Services: what reaches one at a port that no Service has is rejected.</summary>
    ClusterIPs,

    /// <summary>Addresses that Services can get: what reaches one that none has is dropped.</summary>
    ServiceCidrs,

    /// <summary>The node's addresses that node ports answer on.</summary>
    NodePortIPs,

    /// <summary>Pairs of an endpoint's address with itself: a pod that reaches itself through its Service.</summary>
    Hairpin,

    /// <summary>Load balancer addresses that only some sources may use …</summary>
    Firewalled,

    /// <summary>… and those sources.</summary>
    AllowedSources,

    /// <summary>Cluster IPs, external IPs and load balancer IPs → the chain that chooses an endpoint.</summary>
    Services,

    /// <summary>Node ports → the chain that chooses an endpoint.</summary>
    NodePorts,

    /// <summary>Addresses in front of no endpoint → reject or drop.</summary>
    NoEndpoints,

    /// <summary>Node ports in front of no endpoint → reject or drop.</summary>
    NoEndpointNodePorts,

    /// <summary>The endpoints of an address, numbered from 0.</summary>
    Endpoints,

    /// <summary>Those of them that run on this node, for traffic that must stay here.</summary>
    LocalEndpoints,

    /// <summary>The endpoints of a node port, numbered from 0.</summary>
    NodePortEndpoints,

    /// <summary>Those of them that run on this node, for traffic that must stay here.</summary>
    LocalNodePortEndpoints,

    /// <summary>Addresses of Services with session affinity → the chain that remembers for how long.</summary>
    SessionServices,

    /// <summary>The same for node ports.</summary>
    SessionNodePorts,

    /// <summary>A client, and the cluster IP and port of the Service it used → its endpoint. The kernel adds these itself.</summary>
    Sessions,

    /// <summary>The same of clients that must stay on this node.</summary>
    LocalSessions,
}

/// <summary>A part of a key: something that a packet has, or chance.</summary>
public enum KeyField
{
    SourceAddress,
    DestinationAddress,
    Protocol,
    DestinationPort,

    /// <summary>A random number below the count of endpoints.</summary>
    Slot,
}

/// <summary>What an element of a map says.</summary>
public enum DataKind
{
    /// <summary>None: it is a set.</summary>
    None,

    Verdict,

    /// <summary>An endpoint's address and port.</summary>
    Endpoint,
}

/// <summary>How a set is made.</summary>
/// <param name="Name">As nft shows it.</param>
public sealed record SetDefinition(ServiceSet Id, string Name, ImmutableArray<KeyField> Key, DataKind Data)
{
    /// <summary>Keys are ranges: networks.</summary>
    public bool Intervals { get; init; }

    /// <summary>The kernel adds elements itself, and forgets them after a time.</summary>
    public bool Dynamic { get; init; }

    /// <summary>Each element counts the packets that used it: in a nat chain, new connections.</summary>
    public bool Counter { get; init; }

    public required string Comment { get; init; }
}

public static class ServiceSets
{
    /// <summary>Clients that a map remembers at most: arbitrary, some 150 MB of kernel memory. Those beyond it have no session.</summary>
    public const uint MostSessions = 1 << 20;

    private static readonly ImmutableArray<KeyField> Destination = [KeyField.DestinationAddress, KeyField.Protocol, KeyField.DestinationPort];
    private static readonly ImmutableArray<KeyField> Port = [KeyField.Protocol, KeyField.DestinationPort];

    public static ImmutableArray<SetDefinition> All { get; } =
    [
        new(ServiceSet.Transports, "transports", [KeyField.Protocol], DataKind.None) { Comment = "protocols with ports" },
        new(ServiceSet.ClusterIPs, "cluster-ips", [KeyField.DestinationAddress], DataKind.None) { Comment = "cluster IPs of all Services" },
        new(ServiceSet.ServiceCidrs, "service-cidrs", [KeyField.DestinationAddress], DataKind.None)
        {
            Intervals = true,
            Comment = "addresses that Services can get",
        },
        new(ServiceSet.NodePortIPs, "node-port-ips", [KeyField.DestinationAddress], DataKind.None)
        {
            Comment = "this node's addresses that node ports answer on",
        },
        new(ServiceSet.Hairpin, "hairpin", [KeyField.SourceAddress, KeyField.DestinationAddress], DataKind.None)
        {
            Comment = "endpoints that reach themselves",
        },
        new(ServiceSet.Firewalled, "firewalled", Destination, DataKind.None)
        {
            Comment = "load balancer addresses with loadBalancerSourceRanges",
        },
        new(ServiceSet.AllowedSources, "allowed-sources", [.. Destination, KeyField.SourceAddress], DataKind.None)
        {
            Intervals = true,
            Comment = "who may use them",
        },
        new(ServiceSet.Services, "services", Destination, DataKind.Verdict)
        {
            Counter = true,
            Comment = "cluster IPs, external IPs, load balancer IPs",
        },
        new(ServiceSet.NodePorts, "node-ports", Port, DataKind.Verdict) { Counter = true, Comment = "node ports" },
        new(ServiceSet.NoEndpoints, "no-endpoints", Destination, DataKind.Verdict)
        {
            Counter = true,
            Comment = "addresses in front of no endpoint",
        },
        new(ServiceSet.NoEndpointNodePorts, "no-endpoint-node-ports", Port, DataKind.Verdict)
        {
            Counter = true,
            Comment = "node ports in front of no endpoint",
        },
        Slots(ServiceSet.Endpoints, "endpoints", Destination, "endpoints of each address"),
        Slots(ServiceSet.LocalEndpoints, "local-endpoints", Destination, "those of them on this node"),
        Slots(ServiceSet.NodePortEndpoints, "node-port-endpoints", Port, "endpoints of each node port"),
        Slots(ServiceSet.LocalNodePortEndpoints, "local-node-port-endpoints", Port, "those of them on this node"),
        new(ServiceSet.SessionServices, "session-services", Destination, DataKind.Verdict) { Comment = "addresses with session affinity" },
        new(ServiceSet.SessionNodePorts, "session-node-ports", Port, DataKind.Verdict) { Comment = "node ports with session affinity" },
        OfClients(ServiceSet.Sessions, "sessions", "endpoints that clients stay with"),
        OfClients(ServiceSet.LocalSessions, "local-sessions", "those of clients that must stay on this node"),
    ];

    public static SetDefinition Of(ServiceSet set) => All[(int)set];

    private static SetDefinition OfClients(ServiceSet id, string name, string comment) =>
        new(id, name, [KeyField.SourceAddress, .. Destination], DataKind.Endpoint) { Dynamic = true, Comment = comment };

    private static SetDefinition Slots(ServiceSet id, string name, ImmutableArray<KeyField> key, string comment) =>
        new(id, name, [.. key, KeyField.Slot], DataKind.Endpoint) { Counter = true, Comment = comment };
}
