using Podnet.Core.Rules;

namespace Podnet.Core.Trace;

/// <summary>A packet's way through the chains of one table at one hook.</summary>
internal sealed class IptablesWalk(IptablesRuleset ruleset, TracedNode node)
{
    public IEnumerable<RuledPacket> Walk(Hook hook, string table, PacketState state)
    {
        var name = NameOf(hook);
        if (ruleset.Table(table)?.Chain(name) is not { } chain)
            return [new RuledPacket(state, PacketVerdict.Accept)];
        return Walk(new Place(name, table), chain, state).Select(ruled => ruled.Verdict == PacketVerdict.Continue
            ? ruled with { Verdict = chain.Policy == "DROP" ? PacketVerdict.Drop : PacketVerdict.Accept }
            : ruled);
    }

    private static string NameOf(Hook hook) => hook switch
    {
        Hook.PreRouting => "PREROUTING",
        Hook.Input => "INPUT",
        Hook.Forward => "FORWARD",
        Hook.Output => "OUTPUT",
        _ => "POSTROUTING",
    };

    private List<RuledPacket> Walk(Place place, IptablesChain chain, PacketState state)
    {
        var ended = new List<RuledPacket>();
        var waiting = new Stack<(int Rule, PacketState State)>([(0, state)]);
        while (waiting.TryPop(out var next))
        {
            var (index, packet) = next;
            if (index == chain.Rules.Length)
            {
                ended.Add(new RuledPacket(packet, PacketVerdict.Continue));
                continue;
            }

            var rule = chain.Rules[index];
            var match = new IptablesMatching(ruleset, node, packet).Match(rule);
            var step = new TraceStep(place.Hook, place.Table, IptablesText.Append(chain.Name, rule));
            if (match.Probability < 1)
                waiting.Push((index + 1, packet with { Probability = packet.Probability * (1 - match.Probability) }));
            if (match.Probability <= 0)
                continue;
            var matched = packet with { Probability = packet.Probability * match.Probability };
            if (!match.Understood)
            {
                waiting.Push((index + 1, packet with { NotUnderstood = packet.NotUnderstood.Add(step) }));
                continue;
            }

            foreach (var ruled in Act(place, rule.Target, matched.Passing(step), step))
            {
                if (rule.Target == RuleTarget.Return)
                    ended.Add(ruled);
                else if (ruled.Verdict == PacketVerdict.Continue)
                    waiting.Push((index + 1, ruled.State));
                else
                    ended.Add(ruled);
            }
        }

        return ended;
    }

    private IEnumerable<RuledPacket> Act(Place place, RuleTarget? target, PacketState packet, TraceStep step) => target switch
    {
        null => [new RuledPacket(packet, PacketVerdict.Continue)],
        VerdictTarget { Verdict: "DROP" } => [new RuledPacket(packet, PacketVerdict.Drop)],
        // On after the jump: in this chain it is over, the caller knows.
        VerdictTarget { Verdict: "RETURN" } => [new RuledPacket(packet, PacketVerdict.Continue)],
        VerdictTarget => [new RuledPacket(packet, PacketVerdict.Accept)],
        RejectTarget => [new RuledPacket(packet, PacketVerdict.Reject)],
        OtherTarget other when other.Text.StartsWith("-j REJECT", StringComparison.Ordinal) =>
            [new RuledPacket(packet, PacketVerdict.Reject)],
        MarkTarget mark => [new RuledPacket(packet with { Mark = (packet.Mark & ~mark.Mask) ^ mark.Value }, PacketVerdict.Continue)],
        DnatTarget dnat =>
        [
            new RuledPacket(packet with { Destination = dnat.Address, Port = dnat.Port, Translated = true }, PacketVerdict.Accept),
        ],
        MasqueradeTarget => [new RuledPacket(packet with { Masqueraded = true }, PacketVerdict.Accept)],
        // As older versions of iptables write it, without --random-fully.
        JumpTarget { Chain: "MASQUERADE" } => [new RuledPacket(packet with { Masqueraded = true }, PacketVerdict.Accept)],
        JumpTarget jump when ruleset.Table(place.Table)?.Chain(jump.Chain) is { } chain => Walk(place, chain, packet),
        _ => [new RuledPacket(packet with { NotUnderstood = packet.NotUnderstood.Add(step) }, PacketVerdict.Continue)],
    };

    private readonly record struct Place(string Hook, string Table);
}
