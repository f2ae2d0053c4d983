using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>Makes of a reply what the caller wants to know; null leaves it out.</summary>
public delegate T? MessageDecoder<out T>(NetlinkMessage message)
    where T : class;

/// <summary>
/// Requests and replies over one netlink socket, in the network namespace that the calling thread is in when it is made.
/// For one thread at a time.
/// </summary>
/// <remarks>
/// Netlink is synchronous: the kernel has done, and answered, all requests of a datagram when sending it returns. So nothing
/// here waits for anything but the processor, and there are no timeouts. Where a reply turns out to be malformed
/// (<see cref="Errno.BadMessage"/>) the rest of it stays unread: dispose of the socket.
/// </remarks>
public sealed class NetlinkSocket : IDisposable
{
    // linux/netlink.h: setsockopt level and options. CAP_ACK needs Linux 4.2, EXT_ACK 4.12, GET_STRICT_CHK 4.20.
    private const int SolNetlink = 270;
    private const int CapAck = 10;
    private const int ExtAck = 11;
    private const int GetStrictCheck = 12;

    /// <summary>The kernel fills a dump's datagrams up to this where the reader has the room (net/netlink/af_netlink.c).</summary>
    private const int LargestDatagram = 32 * 1024;

    /// <summary>
    /// ACKs wait in the receive buffer, each booked with some 800 bytes of the 208 KiB default (net.core.rmem_default): half
    /// of what would fit.
    /// </summary>
    private const int AcksAtOnce = 128;

    /// <summary>Tries of a dump that changes while it is read, before it is an error: arbitrary.</summary>
    private const int DumpTries = 20;

    private readonly KernelSocket _socket;
    private readonly byte[] _reply = GC.AllocateUninitializedArray<byte>(LargestDatagram);
    private uint _sequence;
    private int _sendBuffer;

    private NetlinkSocket(KernelSocket socket) => _socket = socket;

    public static NetlinkSocket Open(NetlinkProtocol protocol)
    {
        var socket = KernelSocket.OpenNetlink((int)protocol);
        socket.SetOption(SolNetlink, CapAck, 1);
        socket.SetOption(SolNetlink, ExtAck, 1);
        // The kernel then applies the filters in a dump's header instead of ignoring them, and refuses what it does not know.
        socket.SetOption(SolNetlink, GetStrictCheck, 1);
        return new NetlinkSocket(socket);
    }

    /// <summary>Tells this socket's requests from those of others in the kernel's events.</summary>
    public uint Port => _socket.Port;

    /// <summary>Carries out every request; throws the first failure. Those after it have been tried all the same.</summary>
    public void Execute(NetlinkBatch batch)
    {
        foreach (var failure in ExecuteEach(batch))
        {
            if (failure is not null)
                throw failure;
        }
    }

    /// <summary>
    /// Carries out every request, whatever becomes of the others. Each must ask for an ACK. The result has, in their order,
    /// null for one that succeeded and the error of one that did not.
    /// </summary>
    public KernelException?[] ExecuteEach(NetlinkBatch batch)
    {
        var results = new KernelException?[batch.Count];
        var first = Number(batch);
        for (var done = 0; done < batch.Count;)
        {
            _socket.Send(batch.Slice(done, AcksAtOnce, LargestDatagram, out var count));
            ReadAcks(batch, first, done, count, results);
            done += count;
        }

        return results;
    }

    /// <summary>
    /// One request, which must ask for an ACK, sent by a child process (<see cref="KernelSocket.TrySendFromChild"/>). The answer is the child's to
    /// read, so the socket is for nothing else. Null where there can be no child: nothing is sent.
    /// </summary>
    internal RequestInChild? TryExecuteInChild(NetlinkBatch request)
    {
        Number(request);
        return _socket.TrySendFromChild(request.Bytes);
    }

    /// <summary>One request with one reply.</summary>
    public T? Get<T>(NetlinkBatch request, MessageDecoder<T> decode)
        where T : class
    {
        var sequence = Number(request);
        _socket.Send(request.Bytes);
        while (true)
        {
            var reader = new NetlinkReader(_reply.AsSpan(0, _socket.Receive(_reply)));
            while (reader.MoveNext())
            {
                if (reader.Current.Sequence != sequence)
                    continue;
                if (reader.Current.Type != NetlinkMessage.Error)
                    return decode(reader.Current);
                if (NetlinkAck.Failure(reader.Current, request.OperationOf(0)) is { } failure)
                    throw failure;
            }
        }
    }

    /// <summary>
    /// One request, which must ask for an ACK, with any number of replies. The failure that ended them, or null; those before it were given.
    /// </summary>
    public KernelException? GetAll<T>(NetlinkBatch request, MessageDecoder<T> decode, ICollection<T> replies)
        where T : class
    {
        var sequence = Number(request);
        _socket.Send(request.Bytes);
        while (true)
        {
            var reader = new NetlinkReader(_reply.AsSpan(0, _socket.Receive(_reply)));
            while (reader.MoveNext())
            {
                if (reader.Current.Sequence != sequence)
                    continue;
                if (reader.Current.Type == NetlinkMessage.Error)
                    return NetlinkAck.Failure(reader.Current, request.OperationOf(0));
                if (decode(reader.Current) is { } reply)
                    replies.Add(reply);
            }
        }
    }

    /// <summary>
    /// All entries that a dump request names. A dump that the kernel marks as interrupted by a change is read again from the
    /// start, so the result is the state of one moment.
    /// </summary>
    public List<T> Dump<T>(NetlinkBatch request, MessageDecoder<T> decode)
        where T : class
    {
        for (var attempt = 0; attempt < DumpTries; attempt++)
        {
            var entries = new List<T>();
            if (TryDump(request, decode, entries))
                return entries;
        }

        throw new KernelException(Errno.Interrupted, request.OperationOf(0), $"changed during each of {DumpTries} dumps");
    }

    /// <summary>
    /// Sends the whole batch as one datagram, as an nf_tables transaction must be, and reads the errors that come back for it.
    /// No request needs to ask for an ACK. Throws the first error: that of the request which broke the transaction.
    /// </summary>
    /// <remarks>A datagram must fit the send buffer, which grows to it: there is no other limit on a transaction's size.</remarks>
    public void ExecuteAsOne(NetlinkBatch batch)
    {
        var first = Number(batch);
        // The kernel books some overhead with the data, and doubles what is asked for to make up for it (sock.c).
        if (batch.Bytes.Length > _sendBuffer)
        {
            _sendBuffer = Math.Max(batch.Bytes.Length + LargestDatagram, 2 * _sendBuffer);
            _socket.SetSendBuffer(_sendBuffer);
        }

        _socket.Send(batch.Bytes);
        if (FirstFailure(batch, first) is { } failure)
            throw failure;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>
    /// Reads all that has come. Where the errors were more than the receive buffer holds, the kernel says ENOBUFS before it
    /// gives those that it kept, and those are the first ones.
    /// </summary>
    private KernelException? FirstFailure(NetlinkBatch batch, uint first)
    {
        KernelException? failure = null;
        KernelException? overrun = null;
        while (true)
        {
            try
            {
                if (_socket.ReceiveIfReady(_reply) is not { } length)
                    return failure ?? overrun;
                var reader = new NetlinkReader(_reply.AsSpan(0, length));
                while (reader.MoveNext())
                {
                    var request = reader.Current.Sequence - first;
                    if (request < batch.Count && reader.Current.Type == NetlinkMessage.Error)
                        failure ??= NetlinkAck.Failure(reader.Current, batch.OperationOf((int)request));
                }
            }
            catch (KernelException e) when (e.Errno == Errno.NoBufferSpace)
            {
                overrun = e;
            }
        }
    }

    private void ReadAcks(NetlinkBatch batch, uint first, int done, int count, KernelException?[] results)
    {
        for (var left = count; left > 0;)
        {
            var reader = new NetlinkReader(_reply.AsSpan(0, _socket.Receive(_reply)));
            while (reader.MoveNext())
            {
                var request = reader.Current.Sequence - first;
                if (reader.Current.Type != NetlinkMessage.Error || request < done || request >= done + count)
                    continue;
                results[request] = NetlinkAck.Failure(reader.Current, batch.OperationOf((int)request));
                left--;
            }
        }
    }

    private bool TryDump<T>(NetlinkBatch request, MessageDecoder<T> decode, List<T> entries)
        where T : class
    {
        var sequence = Number(request);
        var consistent = true;
        _socket.Send(request.Bytes);
        while (true)
        {
            var reader = new NetlinkReader(_reply.AsSpan(0, _socket.Receive(_reply)));
            while (reader.MoveNext())
            {
                var message = reader.Current;
                if (message.Sequence != sequence)
                    continue;
                consistent &= !message.Flags.HasFlag(NetlinkFlags.DumpInterrupted);
                if (message.Type is NetlinkMessage.Done or NetlinkMessage.Error)
                {
                    if (NetlinkAck.Failure(message, request.OperationOf(0)) is not { } failure)
                        return consistent;
                    if (failure.Errno != Errno.Interrupted)
                        throw failure;
                    return false; // nf_tables says EINTR instead of setting the flag
                }

                if (decode(message) is { } entry)
                    entries.Add(entry);
            }
        }
    }

    private uint Number(NetlinkBatch batch)
    {
        var first = _sequence + 1;
        batch.Number(first);
        _sequence += (uint)batch.Count;
        return first;
    }
}

/// <summary>linux/netlink.h.</summary>
public enum NetlinkProtocol
{
    Route = 0,
    Netfilter = 12,
}
