using System.Collections.Immutable;

namespace Podnet.Core.Explain;

/// <summary>How one node in nftables mode sends on what is meant for a Service, from the table that is really there.</summary>
/// <param name="Mode">"nftables": for who reads the JSON of either mode.</param>
/// <param name="Notice">That the node has the rules of both modes, in a sentence; null, as it should be, if not.</param>
/// <param name="Problem">Why there is no story, or nothing but refusals, in a sentence; null if there is one.</param>
/// <param name="Masquerade">The rules that give marked and other packets the node's address, for all Services alike.</param>
public sealed record TableExplanation(
    string Service,
    string Node,
    string Mode,
    string? Notice,
    string? Problem,
    ImmutableArray<AddressExplanation> Addresses,
    ImmutableArray<TableMasquerade> Masquerade);

/// <summary>An element of a set or map in nft's words.</summary>
/// <param name="Table">"ip podnet".</param>
/// <param name="Packets">What it has counted: new connections; null in a set without counters.</param>
public sealed record CitedElement(string Table, string Set, string Element, ulong? Packets);

/// <summary>A rule in nft's words.</summary>
/// <param name="Packets">What it has counted; null without a counter.</param>
public sealed record CitedTableRule(string Table, string Chain, string Rule, ulong? Packets);

public sealed record CitedChain(string Name, ImmutableArray<CitedTableRule> Rules);

/// <summary>An address that clients use, and what becomes of their connections.</summary>
/// <param name="Kind">"cluster IP", "external IP", "load balancer IP" or "node port".</param>
/// <param name="Name">Of the Service's port; may be empty.</param>
/// <param name="Addresses">The one address; of a node port those of the node that it answers on.</param>
/// <param name="Interface">The interface that has the address; null, as it should be, if none has. Null for node ports.</param>
/// <param name="Problem">No element, a refusal or a gap, in a sentence; null if connections reach endpoints.</param>
/// <param name="CaughtBy">The element that has the address: of a map of chains, or of the addresses without endpoints.</param>
/// <param name="Chains">Those that it leads to, in the order in which a packet comes to them.</param>
/// <param name="Ways">Who goes to which endpoints.</param>
/// <param name="Others">What becomes of whoever goes none of the ways; null for nothing.</param>
/// <param name="Session">Null without session affinity.</param>
/// <param name="Sources">Null where everybody may use the address.</param>
/// <param name="Marked">Who is marked for masquerade.</param>
/// <param name="OtherPorts">The element by which ports that the Service does not have are refused.</param>
public sealed record AddressExplanation(
    string Kind,
    string Name,
    string Protocol,
    ImmutableArray<string> Addresses,
    ushort Port,
    string? Interface,
    string? Problem,
    CitedElement? CaughtBy,
    ImmutableArray<CitedChain> Chains,
    ImmutableArray<WayExplanation> Ways,
    CitedElement? Others,
    SessionExplanation? Session,
    SourcesExplanation? Sources,
    ImmutableArray<TableMasquerade> Marked,
    CitedElement? OtherPorts);

/// <param name="Clients">"all clients", "pods and the node itself", "all others".</param>
/// <param name="Endpoints">In the order of their slots.</param>
public sealed record WayExplanation(string Clients, string Chain, ImmutableArray<SlotExplanation> Endpoints);

/// <param name="Slot">The random number that chooses it.</param>
/// <param name="Address">Null where the slot is empty, as it should never be.</param>
/// <param name="Probability">1/N.</param>
/// <param name="Connections">Those that it got by chance; those of clients that stayed with it are not among them.</param>
/// <param name="GotShare">Of all connections by chance, 0 to 1; null while there were none.</param>
/// <param name="Device">Where the packet leaves; null if the kernel has no route.</param>
/// <param name="Route">"10.240.0.32/27 via 10.99.0.3".</param>
/// <param name="ReachesNode">Where the endpoint is, by pod CIDRs and node addresses; null if no node has it.</param>
public sealed record SlotExplanation(
    int Slot,
    string? Address,
    CitedElement? Element,
    double Probability,
    ulong Connections,
    double? GotShare,
    string? Device,
    string? Route,
    string? ReachesNode);

/// <param name="Seconds">How long a client stays with its endpoint after its last connection.</param>
public sealed record SessionExplanation(CitedElement Element, double Seconds);

/// <param name="Element">That the address is for some sources only.</param>
/// <param name="Allowed">Those sources, as networks.</param>
/// <param name="DroppedBy">The rule that drops packets of others, of this and all other such addresses.</param>
public sealed record SourcesExplanation(CitedElement Element, ImmutableArray<string> Allowed, ImmutableArray<CitedTableRule> DroppedBy);

/// <param name="Reason">Whose source address becomes the node's, and why it must.</param>
public sealed record TableMasquerade(CitedTableRule Rule, string Reason);
