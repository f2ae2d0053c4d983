using Podnet.Core.Nftables;

namespace Podnet.Core.Trace;

/// <summary>Follows a connection's first packet through an nf_tables table, as Linux does, along every random choice that it makes.</summary>
public static class NftablesTracer
{
    /// <param name="table">Of the packet's IP family.</param>
    public static PacketTrace Trace(TracedTable table, TracedNode node, Packet packet)
    {
        if (table.Family != packet.Family)
            throw new ArgumentException($"a table of family {table.Family} for a packet of family {packet.Family}", nameof(table));
        return new PacketPath(node, (hook, state) => PassChains(table, node, hook, state)).Trace(packet);
    }

    private static List<RuledPacket> PassChains(TracedTable table, TracedNode node, Hook hook, PacketState state)
    {
        var walk = new NftablesWalk(table, node, hook);
        var ended = new List<RuledPacket>();
        List<PacketState> passing = [state];
        foreach (var chain in table.At(BaseHookOf(hook)).Where(c => !(state.LoopsBack && c.Base!.IsNat)))
        {
            var passed = new List<PacketState>();
            foreach (var ruled in passing.SelectMany(packet => walk.Walk(chain, packet)))
            {
                if (ruled.Verdict is PacketVerdict.Drop or PacketVerdict.Reject)
                    ended.Add(ruled);
                else
                    passed.Add(ruled.State);
            }

            passing = passed;
        }

        ended.AddRange(passing.Select(p => new RuledPacket(p, PacketVerdict.Accept)));
        return ended;
    }

    private static BaseHook BaseHookOf(Hook hook) => hook switch
    {
        Hook.PreRouting => BaseHook.Prerouting,
        Hook.Input => BaseHook.Input,
        Hook.Forward => BaseHook.Forward,
        Hook.Output => BaseHook.Output,
        _ => BaseHook.Postrouting,
    };
}
