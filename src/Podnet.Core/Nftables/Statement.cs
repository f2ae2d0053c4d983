using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Nftables;

/// <summary>A step of a rule. A match that fails ends the rule; a verdict ends it too.</summary>
public abstract record Statement;

/// <summary><c>ct state new</c>.</summary>
public sealed record NewConnection : Statement;

/// <summary><c>ct status dnat</c>: a Service's packet, on its way to the endpoint.</summary>
public sealed record Translated : Statement;

/// <summary><c>meta mark &amp; 0x4000 != 0</c>.</summary>
public sealed record Marked(uint Mask) : Statement;

/// <summary><c>ip saddr 10.240.0.0/16</c>.</summary>
public sealed record SourceIn(IPNetwork Network, bool Inverted = false) : Statement;

/// <summary><c>iifname "br0"</c>, <c>iifname "veth*"</c>.</summary>
/// <param name="IsPrefix">The name only begins so.</param>
public sealed record FromInterface(string Name, bool IsPrefix, bool Inverted = false) : Statement;

/// <summary><c>fib saddr type local</c>: sent by this node itself.</summary>
public sealed record FromNode : Statement;

/// <summary><c>ip daddr . meta l4proto . th dport @firewalled</c>.</summary>
public sealed record InSet(ServiceSet Set, bool Inverted = false) : Statement;

/// <summary><c>ip daddr . meta l4proto . th dport vmap @services</c>; goes on with the next rule where the map has no such key.</summary>
public sealed record ByMap(ServiceSet Map) : Statement;

/// <summary><c>dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 5 map @endpoints</c>.</summary>
/// <param name="Count">How many endpoints there are: slots 0 to Count - 1.</param>
public sealed record ToEndpoint(ServiceSet Map, int Count) : Statement;

/// <summary>
/// <c>dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @sessions</c>, <c>dnat ip to ip saddr . 10.0.0.27 . tcp . 80 map @sessions</c>:
/// to the endpoint that the client stays with; goes on with the next rule where there is none.
/// </summary>
/// <param name="Map">One of those that the kernel adds to.</param>
/// <param name="Service">The cluster IP under which the ServicePort's sessions are kept; null where it is the packet's own destination.</param>
public sealed record ToSession(ServiceSet Map, FrontendAddress? Service) : Statement;

/// <summary>
/// <c>ct original ip daddr . meta l4proto . ct original proto-dst vmap @session-services</c>: as <see cref="ByMap"/>, but by what the
/// client asked for, when the packet has been translated already.
/// </summary>
public sealed record ByOriginal(ServiceSet Map) : Statement;

/// <summary>
/// <c>update @sessions { ip saddr . ct original ip daddr . … timeout 3h : ip daddr . th dport }</c>,
/// <c>update @sessions { ip saddr . 10.0.0.27 . tcp . 80 timeout 3h : ip daddr . th dport }</c>: the client stays with the endpoint that it was
/// translated to, for so long from now on.
/// </summary>
/// <param name="Service">The cluster IP under which the ServicePort's sessions are kept; null where it is what the client asked for.</param>
public sealed record Remember(ServiceSet Map, FrontendAddress? Service, TimeSpan Timeout) : Statement;

/// <summary><c>meta mark set meta mark | 0x4000</c>.</summary>
public sealed record SetMark(uint Mask) : Statement;

/// <summary><c>meta mark set meta mark ^ 0x4000</c>.</summary>
public sealed record ToggleMark(uint Mask) : Statement;

/// <summary><c>masquerade fully-random</c>.</summary>
public sealed record MasqueradeFullyRandom : Statement;

/// <summary><c>counter</c>.</summary>
public sealed record Count : Statement;

public sealed record Jump(string Chain) : Statement;

public sealed record Goto(string Chain) : Statement;

public sealed record Drop : Statement;

/// <summary>The client is told: ICMP port unreachable.</summary>
public sealed record Reject : Statement;

/// <summary>A rule: its statements run one after the other.</summary>
public sealed record TableRule(ImmutableArray<Statement> Statements)
{
    public string? Comment { get; init; }

    public bool Equals(TableRule? other) =>
        other is not null && Comment == other.Comment && Statements.SequenceEqual(other.Statements);

    public override int GetHashCode() => Statements.Length;
}

/// <summary>Where the kernel calls a chain.</summary>
public enum BaseHook
{
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

/// <summary>What makes a base chain.</summary>
/// <param name="IsNat">Type nat: sees the first packet of each connection only. Else type filter.</param>
public sealed record ChainBase(BaseHook Hook, int Priority, bool IsNat);

public sealed record TableChain(string Name, ImmutableArray<TableRule> Rules)
{
    public ChainBase? Base { get; init; }

    public string? Comment { get; init; }

    public bool Equals(TableChain? other) =>
        other is not null && Name == other.Name && Base == other.Base && Comment == other.Comment && Rules.SequenceEqual(other.Rules);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}
