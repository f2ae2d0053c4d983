using Podnet.Core.Rules;

namespace Podnet.Core.Trace;

/// <summary>Follows a connection's first packet through iptables rules, as Linux does, along every random choice that they make.</summary>
public static class IptablesTracer
{
    /// <param name="ruleset">Of the packet's IP family.</param>
    public static PacketTrace Trace(IptablesRuleset ruleset, TracedNode node, Packet packet)
    {
        if (ruleset.Family != packet.Family)
            throw new ArgumentException($"rules of family {ruleset.Family} for a packet of family {packet.Family}", nameof(ruleset));
        var walk = new IptablesWalk(ruleset, node);
        return new PacketPath(node, (hook, state) => PassTables(walk, hook, state)).Trace(packet);
    }

    /// <summary>In the order of their priorities at the hook (linux/netfilter_ipv4.h, enum nf_ip_hook_priorities).</summary>
    private static IEnumerable<string> TablesAt(Hook hook, PacketState state)
    {
        string[] tables = hook switch
        {
            Hook.PreRouting => ["raw", IptablesTables.Mangle, IptablesTables.Nat],
            Hook.Input => [IptablesTables.Mangle, IptablesTables.Filter, IptablesTables.Nat],
            Hook.Forward => [IptablesTables.Mangle, IptablesTables.Filter],
            Hook.Output => ["raw", IptablesTables.Mangle, IptablesTables.Nat, IptablesTables.Filter],
            _ => [IptablesTables.Mangle, IptablesTables.Nat],
        };
        return state.LoopsBack ? tables.Where(t => t != IptablesTables.Nat) : tables;
    }

    private static List<RuledPacket> PassTables(IptablesWalk walk, Hook hook, PacketState state)
    {
        var ended = new List<RuledPacket>();
        List<PacketState> passing = [state];
        foreach (var table in TablesAt(hook, state))
        {
            var passed = new List<PacketState>();
            foreach (var packet in passing)
            {
                foreach (var ruled in walk.Walk(hook, table, packet))
                {
                    if (ruled.Verdict is PacketVerdict.Drop or PacketVerdict.Reject)
                        ended.Add(ruled);
                    else
                        passed.Add(ruled.State);
                }
            }

            passing = passed;
        }

        ended.AddRange(passing.Select(p => new RuledPacket(p, PacketVerdict.Accept)));
        return ended;
    }
}
