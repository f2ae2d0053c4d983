using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>Requests, encoded one after the other in one buffer, so that a few system calls carry all of them.</summary>
public sealed class NetlinkBatch
{
    /// <summary>Bytes set aside for a request unless it asks for more: arbitrary, above any link, address or route request.</summary>
    private const int OrdinarySize = 1024;

    private readonly List<Request> _requests = [];
    private byte[] _buffer = new byte[2 * OrdinarySize];
    private int _length;

    public int Count => _requests.Count;

    /// <summary>All requests as they stand, with sequence numbers 0 until a socket has sent them.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    /// <summary>What a request asks for, in words, for the message of its error: "add route 10.0.1.0/24".</summary>
    internal string OperationOf(int request) => _requests[request].Operation.ToString()!;

    /// <summary>
    /// Starts a request in the room at the end of the buffer; <see cref="End(in NetlinkWriter, string)"/> makes it part of the batch. One at a time.
    /// </summary>
    public NetlinkWriter Begin(ushort type, NetlinkFlags flags, int size = OrdinarySize)
    {
        if (_buffer.Length - _length < size)
            Grow(size);
        return new NetlinkWriter(_buffer.AsSpan(_length, size), type, flags | NetlinkFlags.Request);
    }

    public void End(in NetlinkWriter writer, string operation) => Add(writer, operation);

    /// <inheritdoc cref="End(in NetlinkWriter, string)"/>
    public void End(in NetlinkWriter writer, OperationText operation) => Add(writer, operation);

    /// <summary>Writes consecutive sequence numbers into the headers, from <paramref name="first"/> on.</summary>
    internal void Number(uint first)
    {
        var sequence = first;
        foreach (var request in CollectionsMarshal.AsSpan(_requests))
            MemoryMarshal.Write(_buffer.AsSpan(request.Offset + 8), sequence++);
    }

    /// <summary>The requests from one on that fit a datagram: at least one, at most so many, and within so many bytes.</summary>
    internal ReadOnlySpan<byte> Slice(int first, int maximumCount, int maximumBytes, out int count)
    {
        var start = _requests[first].Offset;
        var end = start;
        for (count = 0; count < maximumCount && first + count < _requests.Count; count++)
        {
            var next = _requests[first + count];
            if (count > 0 && next.Offset + next.Length - start > maximumBytes)
                break;
            end = next.Offset + next.Length;
        }

        return _buffer.AsSpan(start, end - start);
    }

    private void Add(in NetlinkWriter writer, object operation)
    {
        _requests.Add(new Request(_length, writer.Length, operation));
        _length += writer.Length;
    }

    /// <summary>The room need not be zeros, as a writer clears what it writes into: for a transaction of many megabytes that is felt.</summary>
    private void Grow(int size)
    {
        var larger = GC.AllocateUninitializedArray<byte>(Math.Max(2 * _buffer.Length, _length + size));
        Bytes.CopyTo(larger);
        _buffer = larger;
    }

    private readonly record struct Request(int Offset, int Length, object Operation);
}
