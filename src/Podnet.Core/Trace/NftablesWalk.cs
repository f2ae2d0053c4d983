using Podnet.Core.Nftables;

namespace Podnet.Core.Trace;

/// <summary>A packet's way through chains of one table at one hook.</summary>
internal sealed class NftablesWalk(TracedTable table, TracedNode node, Hook hook)
{
    private readonly string _hook = hook.ToString().ToUpperInvariant();

    public List<RuledPacket> Walk(TableChain chain, PacketState state)
    {
        var ended = new List<RuledPacket>();
        List<PacketState> passing = [state];
        foreach (var rule in chain.Rules)
        {
            var next = new List<PacketState>();
            foreach (var result in passing.SelectMany(packet => Apply(chain, rule, packet)))
            {
                if (result.EndsChain || result.Ruled.Verdict != PacketVerdict.Continue)
                    ended.Add(result.Ruled);
                else
                    next.Add(result.Ruled.State);
            }

            passing = next;
        }

        ended.AddRange(passing.Select(p => new RuledPacket(p, PacketVerdict.Continue)));
        return ended;
    }

    /// <summary>One statement after the other: a match that fails ends the rule, and what those before it did to the packet stays done.</summary>
    private IEnumerable<RuleResult> Apply(TableChain chain, TableRule rule, PacketState packet)
    {
        TableElement? found = null;
        var state = packet;
        foreach (var statement in rule.Statements)
        {
            switch (statement)
            {
                case ByMap map when table.Find(map.Map, state) is { } element:
                    found = element;
                    return element.Data.Chain is { } target ? Go(target, ends: true, Passing()) : [Verdict(PacketVerdict.Drop)];
                case ByMap:
                    return [RuleResult.Next(state)];
                case Jump jump:
                    return Go(jump.Chain, ends: false, Passing());
                case Goto go:
                    return Go(go.Chain, ends: true, Passing());
                case Drop:
                    return [Verdict(PacketVerdict.Drop)];
                case Reject:
                    return [Verdict(PacketVerdict.Reject)];
                case MasqueradeFullyRandom:
                    return [new RuleResult(new RuledPacket(Passing() with { Masqueraded = true }, PacketVerdict.Accept), false)];
                case ByOriginal map when table.Find(map.Map, AsItCame(state)) is { } element:
                    found = element;
                    return Go(element.Data.Chain!, ends: true, Passing());
                case ByOriginal:
                    return [RuleResult.Next(state)];
                case ToSession to when SessionOf(to, state) is { } endpoint:
                    return [Sent(Passing(), endpoint)];
                case ToSession:
                    return [RuleResult.Next(state)];
                case ToEndpoint to:
                    return Choose(to.Map, to.Count, state, Passing());
                case SetMark mark:
                    state = state with { Mark = state.Mark | mark.Mask };
                    break;
                case ToggleMark mark:
                    state = state with { Mark = state.Mark ^ mark.Mask };
                    break;
                default:
                    if (!Holds(statement, state))
                        return [RuleResult.Next(state)];
                    break;
            }
        }

        return [RuleResult.Next(Passing())];

        PacketState Passing() => state.Passing(new TraceStep(_hook, NftText.TableOf(table.Family), Print(chain, rule, found)));

        RuleResult Verdict(PacketVerdict verdict) => new(new RuledPacket(Passing(), verdict), false);
    }

    private bool Holds(Statement statement, PacketState packet) => statement switch
    {
        // Only a connection's first packet is traced.
        NewConnection or Count or Remember => true,
        Translated => packet.Translated,
        Marked marked => (packet.Mark & marked.Mask) != 0,
        SourceIn source => source.Network.Contains(packet.Packet.Source) != source.Inverted,
        // To a packet without an interface the name is "", which is none.
        FromInterface { IsPrefix: true } link => (packet.In ?? "").StartsWith(link.Name, StringComparison.Ordinal) != link.Inverted,
        FromInterface link => (packet.In == link.Name) != link.Inverted,
        FromNode => node.IsLocal(packet.Packet.Source),
        InSet set => table.Find(set.Set, packet) is null == set.Inverted,
        _ => throw new ArgumentOutOfRangeException(nameof(statement), statement, "is no match"),
    };

    private IEnumerable<RuleResult> Go(string name, bool ends, PacketState packet) =>
        table.Chain(name) is { } chain
            ? Walk(chain, packet).Select(ruled => new RuleResult(ruled, ends))
            : throw new ArgumentException($"table {NftText.TableOf(table.Family)} has no chain {name}", nameof(name));

    /// <summary>Each slot is as likely as any other. Where one has no endpoint, the rule does not match.</summary>
    private IEnumerable<RuleResult> Choose(ServiceSet map, int count, PacketState packet, PacketState matched)
    {
        for (var slot = 0; slot < count; slot++)
        {
            var probability = packet.Probability / count;
            if (table.Find(map, packet, slot) is { } element)
            {
                // The last step is the rule's.
                var step = matched.Steps[^1];
                var chosen = matched with { Steps = matched.Steps.SetItem(matched.Steps.Count - 1, step with { Rule = $"{step.Rule}{Print(element)}" }) };
                yield return Sent(chosen with { Probability = probability }, TracedTable.TargetOf(element));
            }
            else
            {
                yield return RuleResult.Next(packet with { Probability = probability });
            }
        }
    }

    /// <summary>A session with an endpoint that is not among those of the address is none: such end at once.</summary>
    private PacketTarget? SessionOf(ToSession to, PacketState packet)
    {
        var (ofAddress, ofNodePort) = to.Map == ServiceSet.LocalSessions
            ? (ServiceSet.LocalEndpoints, ServiceSet.LocalNodePortEndpoints)
            : (ServiceSet.Endpoints, ServiceSet.NodePortEndpoints);
        var endpoints = table.Endpoints(ofAddress, packet) is { IsEmpty: false } found ? found : table.Endpoints(ofNodePort, packet);
        return packet.Packet.Session is { } session && endpoints.Contains(session) ? session : null;
    }

    private static PacketState AsItCame(PacketState state) =>
        state with { Destination = state.Packet.Destination, Port = state.Packet.Port };

    private static RuleResult Sent(PacketState packet, PacketTarget to) =>
        new(new RuledPacket(packet with { Destination = to.Address, Port = to.Port, Translated = true }, PacketVerdict.Accept), false);

    /// <summary>"chain: rule { element }", with the element of a map that decided.</summary>
    private string Print(TableChain chain, TableRule rule, TableElement? found) =>
        $"{chain.Name}: {NftText.Rule(table.Family, rule)}{(found is { } element ? Print(element) : "")}";

    private static string Print(TableElement element) => $" {{ {NftText.Element(element)} }}";

    /// <param name="EndsChain">After a goto nothing comes back.</param>
    private readonly record struct RuleResult(RuledPacket Ruled, bool EndsChain)
    {
        public static RuleResult Next(PacketState state) => new(new RuledPacket(state, PacketVerdict.Continue), false);
    }
}
