using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Trace;

/// <summary>A packet on its way through the rules: what they have made of it so far.</summary>
internal sealed record PacketState
{
    public required Packet Packet { get; init; }

    public required IPAddress Destination { get; init; }

    public required ushort Port { get; init; }

    public uint Mark { get; init; }

    /// <summary>
    /// The node sends it to itself, and it has come in again by lo. Conntrack has seen it, so that no nat rule looks at it a second
    /// time; as it is still the connection's first packet, its state is as new as before.
    /// </summary>
    public bool LoopsBack => Packet.In is null && In is not null;

    public string? In { get; init; }

    /// <summary>Known after the routing decision.</summary>
    public string? Out { get; init; }

    /// <summary>Set once per connection, by the first dnat that it comes by.</summary>
    public bool Translated { get; init; }

    public bool Masqueraded { get; init; }

    public double Probability { get; init; } = 1;

    public ImmutableList<TraceStep> Steps { get; init; } = [];

    public ImmutableList<TraceStep> NotUnderstood { get; init; } = [];

    public static PacketState Of(Packet packet) =>
        new() { Packet = packet, Destination = packet.Destination, Port = packet.Port, In = packet.In };

    public PacketState Passing(TraceStep step) => this with { Steps = Steps.Add(step) };

    public PacketOutcome End(PacketFate fate) => new(fate)
    {
        Target = new PacketTarget(Destination, Port),
        Translated = Translated,
        Masqueraded = Masqueraded,
        Out = fate == PacketFate.Sent ? Out : null,
        Probability = Probability,
        Steps = [.. Steps],
        NotUnderstood = [.. NotUnderstood],
    };
}

/// <summary>What rules say of a packet when they are through with it.</summary>
internal enum PacketVerdict
{
    /// <summary>The chain ends, or returns: on with the rule after the jump.</summary>
    Continue,

    /// <summary>On with the next hook or table.</summary>
    Accept,
    Drop,
    Reject,
}

internal readonly record struct RuledPacket(PacketState State, PacketVerdict Verdict);
