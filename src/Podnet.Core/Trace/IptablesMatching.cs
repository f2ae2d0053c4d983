using Podnet.Core.Rules;

namespace Podnet.Core.Trace;

/// <summary>How likely a rule matches a packet: 0, 1, or its share where it throws dice.</summary>
/// <param name="Understood">False: a match of a kind that is not known here; all others of the rule hold.</param>
internal readonly record struct RuleMatching(double Probability, bool Understood);

internal sealed class IptablesMatching(IptablesRuleset ruleset, TracedNode node, PacketState packet)
{
    private static readonly RuleMatching Never = new(0, Understood: true);

    public RuleMatching Match(IptablesRule rule)
    {
        if (!Holds(rule.Source, packet.Packet.Source) || !Holds(rule.Destination, packet.Destination)
            || !Holds(rule.In, packet.In) || !Holds(rule.Out, packet.Out) || !Holds(rule.Protocol))
        {
            return Never;
        }

        var (probability, understood) = (1.0, true);
        foreach (var match in rule.Matches)
        {
            if (Holds(match) is not { } share)
                understood = false;
            else if (share <= 0)
                return Never;
            else
                probability *= share;
        }

        return new RuleMatching(understood ? probability : 1, understood);
    }

    /// <summary>Null where it is not known.</summary>
    private double? Holds(RuleMatch match) => match switch
    {
        CommentMatch or NfacctMatch => 1,
        PortMatch port => Certainty(port.Protocol == packet.Packet.Protocol && (port.DestinationPort is null || port.DestinationPort == packet.Port)),
        MarkMatch mark => Certainty((packet.Mark & mark.Mask) == mark.Value != mark.Inverted),
        LocalAddressMatch local => Certainty(node.IsLocal(local.OfSource ? packet.Packet.Source : packet.Destination)),
        ConntrackStateMatch state => Certainty(state.States.Split(',').Any(IsState) != state.Inverted),
        ProbabilityMatch dice => dice.Probability,
        // Setting an entry always succeeds.
        RecentMatch { CheckSeconds: null } => 1,
        RecentMatch recent => Certainty(Remembers(recent.List)),
        _ => null,
    };

    /// <summary>A connection's first packet; DNAT and SNAT are states beside that (iptables-extensions(8), conntrack).</summary>
    private bool IsState(string state) => state switch
    {
        "NEW" => true,
        "DNAT" => packet.Translated,
        "SNAT" => packet.Masqueraded,
        _ => false,
    };

    /// <summary>A list has the name of the chain of the endpoint that its clients come back to.</summary>
    private bool Remembers(string list) =>
        packet.Packet.Session is { } session
        && ruleset.RulesOf(IptablesTables.Nat, list).Any(r => r.Target == new DnatTarget(session.Address, session.Port));

    private bool Holds(ProtocolMatch? match) =>
        match is null || (match.Name is "all" || match.Name == RuleWords.Of(packet.Packet.Protocol)) != match.Inverted;

    private static bool Holds(AddressMatch? match, System.Net.IPAddress address) =>
        match is null || match.Network.Contains(address) != match.Inverted;

    private static bool Holds(InterfaceMatch? match, string? link)
    {
        if (match is null)
            return true;
        var name = link ?? "";
        var same = match.Name.EndsWith('+') ? name.StartsWith(match.Name[..^1], StringComparison.Ordinal) : name == match.Name;
        return same != match.Inverted;
    }

    private static double Certainty(bool holds) => holds ? 1 : 0;
}
