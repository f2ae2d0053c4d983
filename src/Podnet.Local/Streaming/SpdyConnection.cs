using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace Podnet.Local.Streaming;

/// <summary>One of a connection's streams, opened by the client.</summary>
internal sealed class SpdyStream(SpdyConnection connection, int id, IReadOnlyDictionary<string, string> headers)
{
    /// <summary>Beyond so many unread bytes the whole connection waits. Arbitrary.</summary>
    private const int MostUnread = 1 << 20;

    private readonly Pipe _received = new(new PipeOptions(pauseWriterThreshold: MostUnread, resumeWriterThreshold: MostUnread / 2, useSynchronizationContext: false));

    private volatile bool _sentAll;
    private volatile bool _receivedAll;

    public IReadOnlyDictionary<string, string> Headers => headers;

    /// <summary>What the client sends, to its end.</summary>
    public Stream Input => _received.Reader.AsStream();

    public Task WriteAsync(ReadOnlyMemory<byte> bytes) => connection.SendDataAsync(id, bytes, last: false);

    public async Task CloseAsync()
    {
        await connection.SendDataAsync(id, default, last: true);
        _sentAll = true;
        ForgetIfOver();
    }

    /// <summary>Nobody reads what still comes: it is dropped.</summary>
    public void StopReading() => _received.Reader.Complete();

    internal async ValueTask ReceivedAsync(ReadOnlyMemory<byte> bytes)
    {
        if (!_receivedAll)
            await _received.Writer.WriteAsync(bytes);
    }

    internal void ReceivedAll()
    {
        _receivedAll = true;
        _received.Writer.Complete();
        ForgetIfOver();
    }

    private void ForgetIfOver()
    {
        if (_sentAll && _receivedAll)
            connection.Forget(id);
    }
}

/// <summary>
/// The server's side of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00), as far as Kubernetes' clients use it: streams that the client
/// opens, data both ways, pings. As in their library (moby/spdystream), windows are not kept: TCP's are.
/// </summary>
/// <remarks>
/// A frame is eight bytes and a body. Control: 1 bit 1, 15 bits version, 16 bits type, 8 bits flags, 24 bits length. Data: 1 bit 0,
/// 31 bits stream, 8 bits flags, 24 bits length.
/// </remarks>
internal sealed class SpdyConnection(Stream transport) : IDisposable
{
    private const int SynStream = 1, SynReply = 2, RstStream = 3, Ping = 6, GoAway = 7;
    private const byte Fin = 1;
    private const int LongestControl = 128 * 1024; // bytes, arbitrary
    private const int MostStreams = 1000; // arbitrary
    private const int Block = 16 * 1024; // bytes of data in a frame, arbitrary

    private readonly SpdyHeaders _headers = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly ConcurrentDictionary<int, SpdyStream> _streams = new();
    private readonly Channel<SpdyStream> _opened = Channel.CreateUnbounded<SpdyStream>();

    public ChannelReader<SpdyStream> Opened => _opened.Reader;

    /// <summary>Reads until the client goes.</summary>
    /// <exception cref="SpdyException">What came is no SPDY.</exception>
    public async Task RunAsync(CancellationToken ct)
    {
        var header = new byte[8];
        try
        {
            while (await transport.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, ct) == header.Length)
            {
                var first = BinaryPrimitives.ReadUInt32BigEndian(header);
                var (flags, length) = (header[4], (int)(BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4)) & 0xFFFFFF));
                if ((first & 0x8000_0000) == 0)
                    await ReadDataAsync((int)first, (flags & Fin) != 0, length, ct);
                else if (await ReadControlAsync(first, flags, length, ct))
                    return;
            }
        }
        catch (EndOfStreamException)
        {
            // The client went in the middle of a frame: as good as an end.
        }
        finally
        {
            _opened.Writer.TryComplete();
            foreach (var stream in _streams.Values)
                stream.ReceivedAll();
        }
    }

    public async Task SendDataAsync(int stream, ReadOnlyMemory<byte> bytes, bool last)
    {
        do
        {
            var part = bytes[..Math.Min(bytes.Length, Block)];
            bytes = bytes[part.Length..];
            var frame = new byte[8 + part.Length];
            BinaryPrimitives.WriteInt32BigEndian(frame, stream);
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), part.Length);
            frame[4] = last && bytes.IsEmpty ? Fin : (byte)0;
            part.CopyTo(frame.AsMemory(8));
            await SendAsync(frame);
        }
        while (!bytes.IsEmpty);
    }

    internal void Forget(int id) => _streams.TryRemove(id, out _);

    /// <summary>Says that no more streams are taken.</summary>
    public Task GoAwayAsync() => SendAsync(Control(GoAway, new byte[8])); // last good stream, status 0: all is well

    public void Dispose()
    {
        _headers.Dispose();
        _sending.Dispose();
    }

    private async Task ReadDataAsync(int id, bool last, int length, CancellationToken ct)
    {
        var stream = _streams.GetValueOrDefault(id);
        var block = new byte[Math.Min(length, Block)];
        while (length > 0)
        {
            var part = block.AsMemory(0, Math.Min(length, block.Length));
            await transport.ReadExactlyAsync(part, ct);
            length -= part.Length;
            if (stream is not null)
                await stream.ReceivedAsync(part);
        }

        if (last)
            stream?.ReceivedAll();
    }

    /// <summary>True if it was the last frame.</summary>
    private async Task<bool> ReadControlAsync(uint first, byte flags, int length, CancellationToken ct)
    {
        var (version, type) = ((first >> 16) & 0x7FFF, (int)(first & 0xFFFF));
        if (version != 3 || length > LongestControl)
            throw new SpdyException($"a control frame of version {version}, type {type} and {length} bytes");
        var body = new byte[length];
        await transport.ReadExactlyAsync(body, ct);
        switch (type)
        {
            case SynStream when length > 10 && _streams.Count < MostStreams:
                await OpenAsync(BinaryPrimitives.ReadInt32BigEndian(body) & int.MaxValue, (flags & Fin) != 0, body.AsMemory(10));
                break;
            case SynStream:
                throw new SpdyException($"a stream is opened with {length} bytes, as the {_streams.Count + 1}th");
            case RstStream when length == 8 && _streams.TryRemove(BinaryPrimitives.ReadInt32BigEndian(body), out var reset):
                reset.ReceivedAll();
                break;
            case Ping:
                await SendAsync(Control(Ping, body)); // back as it came
                break;
            case GoAway:
                return true;
        }

        return false;
    }

    private async Task OpenAsync(int id, bool last, ReadOnlyMemory<byte> headers)
    {
        var stream = new SpdyStream(this, id, _headers.Read(headers.Span));
        if (!_streams.TryAdd(id, stream))
            throw new SpdyException($"stream {id} is opened twice");
        var reply = new MemoryStream();
        reply.Write(BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(id)));
        reply.Write(_headers.Write());
        await SendAsync(Control(SynReply, reply.ToArray()));
        if (last)
            stream.ReceivedAll();
        _opened.Writer.TryWrite(stream);
    }

    private static byte[] Control(int type, ReadOnlySpan<byte> body)
    {
        var frame = new byte[8 + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x8003_0000 | (uint)type);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), body.Length);
        body.CopyTo(frame.AsSpan(8));
        return frame;
    }

    private async Task SendAsync(byte[] frame)
    {
        await _sending.WaitAsync();
        try
        {
            await transport.WriteAsync(frame);
            await transport.FlushAsync();
        }
        finally
        {
            _sending.Release();
        }
    }
}
