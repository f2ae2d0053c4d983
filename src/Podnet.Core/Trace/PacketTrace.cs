using System.Collections.Immutable;
using System.Text;

namespace Podnet.Core.Trace;

/// <summary>All that can become of a packet: one outcome, or several where the rules choose at random.</summary>
/// <param name="Outcomes">No two alike; sorted by what they say.</param>
public sealed record PacketTrace(Packet Packet, ImmutableArray<PacketOutcome> Outcomes)
{
    /// <summary>Every outcome, and below it the rules that it went through.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append($"{Packet}\n");
        foreach (var outcome in Outcomes)
        {
            text.Append($"  {100 * outcome.Probability:0.##} % {outcome}\n");
            foreach (var step in outcome.Steps)
                text.Append($"      {step}\n");
            foreach (var step in outcome.NotUnderstood)
                text.Append($"      not understood, taken as not matching: {step}\n");
        }

        return text.ToString();
    }
}

public enum PacketFate
{
    /// <summary>It leaves the node, to a pod or to another machine.</summary>
    Sent,

    /// <summary>A program on the node itself gets it, if one listens.</summary>
    Delivered,

    /// <summary>The sender is told at once (ICMP port unreachable).</summary>
    Rejected,

    /// <summary>Silence.</summary>
    Dropped,

    /// <summary>The node has no route; the sender is told (ICMP network unreachable, or an error from connect).</summary>
    Unroutable,
}

/// <summary>One thing that can become of a packet.</summary>
public sealed record PacketOutcome(PacketFate Fate)
{
    /// <summary>Where it was going last: the endpoint, or its first destination if no rule changed that.</summary>
    public required PacketTarget Target { get; init; }

    /// <summary>A rule changed its destination.</summary>
    public bool Translated { get; init; }

    /// <summary>Its source becomes an address of the node.</summary>
    public bool Masqueraded { get; init; }

    /// <summary>The interface it leaves by; null unless it is sent.</summary>
    public string? Out { get; init; }

    /// <summary>The share of connections that end so, above 0 to 1.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>The rules that it matched, in their order. Where several ways lead here, those of the first.</summary>
    public ImmutableArray<TraceStep> Steps { get; init; } = [];

    /// <summary>
    /// Rules on its way, of others, with matches or targets that a tracer cannot judge: it went on as if they did nothing.
    /// </summary>
    public ImmutableArray<TraceStep> NotUnderstood { get; init; } = [];

    /// <summary>"10.240.0.28:80 masqueraded", "untouched", "rejected".</summary>
    public override string ToString() => Fate switch
    {
        PacketFate.Rejected => "rejected",
        PacketFate.Dropped => "dropped",
        PacketFate.Unroutable => "unroutable",
        _ when !Translated && !Masqueraded => "untouched",
        _ => Masqueraded ? $"{Target} masqueraded" : $"{Target}",
    };
}

/// <summary>A rule that a packet came by.</summary>
/// <param name="Hook">"PREROUTING", "INPUT", "FORWARD", "OUTPUT" or "POSTROUTING": when it came by.</param>
/// <param name="Rule">In the tool's own words, with the chain that it is in.</param>
public sealed record TraceStep(string Hook, string Table, string Rule)
{
    public override string ToString() => $"{Hook} {Table}: {Rule}";
}
