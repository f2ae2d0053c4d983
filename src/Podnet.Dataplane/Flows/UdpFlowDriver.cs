using Podnet.Core.Model;
using Podnet.Core.Services;
using Podnet.Core.Sync;
using Podnet.Netlink;

namespace Podnet.Dataplane.Flows;

/// <summary>Ends stale UDP connections in the namespace of the thread that made this. Their clients' next packets are new connections.</summary>
public sealed class UdpFlowDriver : IDisposable
{
    private readonly ConntrackSocket _socket = new();

    /// <returns>How many of each family were ended.</returns>
    public IReadOnlyDictionary<IPFamily, int> End(StaleUdpFlows flows)
    {
        var stale = _socket.Dump(
            // Kernels before 5.8 do not know the filter, and tell of all.
            entry => entry.Original.Protocol == (byte)Protocol.Udp && flows.IsStale(
                (entry.Original.Destination, entry.Original.DestinationPort), (entry.Reply.Source, entry.Reply.SourcePort)),
            new ConntrackFilter { Protocol = (byte)Protocol.Udp });
        return ((IPFamily[])[IPFamily.V4, IPFamily.V6])
            .ToDictionary(family => family, family => _socket.Delete(stale.Where(entry => entry.Original.Destination.Family() == family)));
    }

    /// <summary>What <see cref="End"/> may look at, and connections of other protocols that are open and translated.</summary>
    public IReadOnlyList<TranslatedConnection> Read() =>
    [
        .. _socket.Dump(entry => (Protocol)entry.Original.Protocol switch
        {
            Protocol.Udp => true,
            Protocol.Tcp => entry.Status.HasFlag(ConntrackStatus.DestinationNat) && entry.Tcp is TcpState.Established or TcpState.FinWait or TcpState.CloseWait,
            Protocol.Sctp => entry.Status.HasFlag(ConntrackStatus.DestinationNat),
            _ => false,
        })
            .Select(entry => new TranslatedConnection(
                (Protocol)entry.Original.Protocol, (entry.Original.Destination, entry.Original.DestinationPort), (entry.Reply.Source, entry.Reply.SourcePort))),
    ];

    public void Dispose() => _socket.Dispose();
}
