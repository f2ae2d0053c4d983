using System.Collections.Immutable;

namespace Podnet.Core.Explain;

/// <summary>How one node sends on what is meant for a Service: the story of its packets, with the rules that are really there.</summary>
/// <param name="Problem">Why there is no story, or nothing but refusals, in a sentence; null if there is one.</param>
public sealed record ServiceExplanation(string Service, string Node, string? Problem, ImmutableArray<PortExplanation> Ports);

/// <summary>A rule as iptables-save prints it.</summary>
/// <param name="Packets">In table nat only the first packet of a connection comes by, so there it counts connections.</param>
public sealed record CitedRule(string Table, string Chain, string Rule, ulong Packets, ulong Bytes);

/// <param name="Interface">The interface that has the cluster IP; null, as it should be, if none has.</param>
/// <param name="Problem">No rule, a refusal or a broken chain, in a sentence; null if connections reach endpoints.</param>
/// <param name="CaughtBy">The rule that matches cluster IP and port.</param>
/// <param name="AlsoCaughtBy">The rules for its external IPs, load balancer IPs and node port.</param>
public sealed record PortExplanation(
    string Name,
    string Protocol,
    string ClusterIP,
    ushort Port,
    string? Interface,
    string? Problem,
    CitedRule? CaughtBy,
    ImmutableArray<EndpointExplanation> Endpoints,
    ImmutableArray<MasqueradeExplanation> Masquerade,
    ImmutableArray<CitedRule> AlsoCaughtBy);

/// <param name="SplitBy">The rule that gives it its share.</param>
/// <param name="Probability">Of that rule, for what reaches it; 1 for the last.</param>
/// <param name="WantedShare">Of all connections, 0 to 1.</param>
/// <param name="Connections">Those that it got.</param>
/// <param name="GotShare">Of all connections, 0 to 1; null while there were none.</param>
/// <param name="Dnat">The rule that rewrites the destination.</param>
/// <param name="Device">Where the packet leaves; null if the kernel has no route.</param>
/// <param name="Route">"10.240.0.32/27 via 10.99.0.3".</param>
/// <param name="ReachesNode">Where the endpoint is, by pod CIDRs and node addresses; null if no node has it.</param>
/// <param name="KeepsClients">The rule by which a client that it served before comes back to it (session affinity).</param>
public sealed record EndpointExplanation(
    string Address,
    CitedRule SplitBy,
    double Probability,
    double WantedShare,
    ulong Connections,
    double? GotShare,
    CitedRule Dnat,
    string? Device,
    string? Route,
    string? ReachesNode,
    CitedRule? KeepsClients);

/// <param name="Reason">Whose source address becomes the node's, and why it must.</param>
public sealed record MasqueradeExplanation(CitedRule Rule, string Reason);
