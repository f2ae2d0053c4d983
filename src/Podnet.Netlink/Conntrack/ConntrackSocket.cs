using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>The connections that one network namespace tracks: that of the thread which made this.</summary>
public sealed class ConntrackSocket : IDisposable
{
    private readonly NetlinkSocket _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);

    /// <summary>The connection that has this tuple, in either direction; null where none has.</summary>
    public ConntrackEntry? Find(FlowTuple tuple)
    {
        var request = new NetlinkBatch();
        var writer = Begin(request, ConntrackWire.Get, NetlinkFlags.None, tuple);
        request.End(writer, $"look up connection {tuple.Source} to {tuple.Destination}");
        try
        {
            return _socket.Get(request, ConntrackWire.Entry);
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            return null;
        }
    }

    /// <summary>Those that are wanted. Connections come and go meanwhile: this is no one moment's state.</summary>
    /// <param name="filter">What the kernel leaves out before it is even sent; nothing without it.</param>
    /// <param name="wanted">Asked for one connection after the other, so those that are not wanted take no memory.</param>
    public List<ConntrackEntry> Dump(Func<ConntrackEntry, bool> wanted, ConntrackFilter? filter = null)
    {
        // With a protocol the kernel wants a family (EOPNOTSUPP).
        if (filter is { Protocol: not null, Family: null })
        {
            return
            [
                .. Dump(wanted, filter with { Family = ConntrackFamily.IPv4 }),
                .. Dump(wanted, filter with { Family = ConntrackFamily.IPv6 }),
            ];
        }

        var request = new NetlinkBatch();
        var writer = request.Begin(ConntrackWire.Get, NetlinkFlags.Dump);
        writer.PutFixed(new NetfilterHeader(filter?.Family is { } family ? (byte)family : AddressFamily.Unspecified));
        if (filter is not null)
            ConntrackWire.Put(ref writer, filter);
        request.End(writer, "list connections");
        return _socket.Dump(request, message => ConntrackWire.Entry(message) is var entry && wanted(entry) ? entry : null);
    }

    /// <summary>
    /// Deletes exactly these connections, not later ones with the same tuples; how many were still there. The next packet of
    /// each is a new connection to the kernel, and NAT decides anew.
    /// </summary>
    public int Delete(IEnumerable<ConntrackEntry> entries)
    {
        var requests = new NetlinkBatch();
        foreach (var entry in entries)
        {
            var writer = Begin(requests, ConntrackWire.Delete, NetlinkFlags.Ack, entry.Original);
            writer.PutU32BigEndian(ConntrackWire.Id, entry.Id);
            requests.End(writer, $"delete connection {entry.Original.Source} to {entry.Original.Destination}");
        }

        var deleted = 0;
        foreach (var failure in _socket.ExecuteEach(requests))
        {
            if (failure is null)
                deleted++;
            else if (failure.Errno != Errno.NoEntry)
                throw failure;
        }

        return deleted;
    }

    public void Dispose() => _socket.Dispose();

    private static NetlinkWriter Begin(NetlinkBatch batch, ushort type, NetlinkFlags flags, FlowTuple tuple)
    {
        var writer = batch.Begin(type, flags);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Of(tuple.Source)));
        ConntrackWire.Put(ref writer, ConntrackWire.TupleOriginal, tuple);
        return writer;
    }
}
