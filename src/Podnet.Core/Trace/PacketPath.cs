namespace Podnet.Core.Trace;

/// <summary>A packet meets rules at these five places (linux/netfilter.h, enum nf_inet_hooks).</summary>
internal enum Hook
{
    PreRouting,
    Input,
    Forward,
    Output,
    PostRouting,
}

/// <summary>
/// The way of a connection's first packet through a node, whatever the rules are written in. The rules of one hook take a packet
/// to any number of ruled ones: several where they choose at random.
/// </summary>
internal sealed class PacketPath(TracedNode node, Func<Hook, PacketState, IEnumerable<RuledPacket>> rules)
{
    private readonly List<PacketOutcome> _outcomes = [];

    public PacketTrace Trace(Packet packet)
    {
        if (packet.In is null)
            Send(PacketState.Of(packet));
        else
            Pass(Hook.PreRouting, PacketState.Of(packet), Receive);
        return new PacketTrace(packet,
        [
            .. _outcomes
                .GroupBy(o => (Text: o.ToString(), o.Fate))
                .Select(same => same.First() with { Probability = same.Sum(o => o.Probability) })
                .OrderBy(o => o.ToString(), StringComparer.Ordinal),
        ]);
    }

    /// <summary>After the hook prerouting: a route decides between the node itself and others.</summary>
    private void Receive(PacketState state)
    {
        if (node.IsLocal(state.Destination))
            Pass(Hook.Input, state, Deliver);
        else if (Route(state) is { } routed)
            Pass(Hook.Forward, routed, Leave);
    }

    /// <summary>A program's packet has its route before any rule sees it, and another one if rules change its destination.</summary>
    private void Send(PacketState state)
    {
        if (Route(state) is not { } routed)
            return;
        Pass(Hook.Output, routed, sent =>
        {
            if (Route(sent) is { } rerouted)
                Pass(Hook.PostRouting, rerouted, rerouted.Out == "lo" ? LoopBack : End);
        });
    }

    private void LoopBack(PacketState state) =>
        Pass(Hook.PreRouting, state with { In = "lo", Out = null }, returned => Pass(Hook.Input, returned, Deliver));

    private void Leave(PacketState state) => Pass(Hook.PostRouting, state, End);

    private void End(PacketState state) => _outcomes.Add(state.End(PacketFate.Sent));

    private void Deliver(PacketState state) => _outcomes.Add(state.End(PacketFate.Delivered));

    private PacketState? Route(PacketState state)
    {
        if (node.InterfaceTo(state.Destination) is { } link)
            return state with { Out = link };
        _outcomes.Add(state.End(PacketFate.Unroutable));
        return null;
    }

    private void Pass(Hook hook, PacketState state, Action<PacketState> onwards)
    {
        foreach (var (ruled, verdict) in rules(hook, state))
        {
            if (verdict == PacketVerdict.Drop)
                _outcomes.Add(ruled.End(PacketFate.Dropped));
            else if (verdict == PacketVerdict.Reject)
                _outcomes.Add(ruled.End(PacketFate.Rejected));
            else
                onwards(ruled);
        }
    }
}
