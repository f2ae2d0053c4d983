using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text;
using Podnet.Local.Streaming;

namespace Podnet.Local.Tests.Streaming;

public class SpdyTests
{
    [Fact]
    public void The_dictionary_is_the_one_that_zlib_knows_by_its_checksum()
    {
        var (a, b) = (1u, 0u);
        foreach (var octet in SpdyHeaders.Dictionary)
            (a, b) = ((a + octet) % 65521, (b + ((a + octet) % 65521)) % 65521);
        Assert.Equal(0xE3C6A7C2, (b << 16) | a);
    }

    [Fact]
    public void Header_blocks_of_one_zlib_stream_with_the_dictionary_are_read()
    {
        // python3: c = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, dictionary); c.compress(block) + c.flush(zlib.Z_SYNC_FLUSH)
        using var headers = new SpdyHeaders();
        var first = headers.Read(Convert.FromHexString("78f9e3c6a7c202e50e703a2b294a4dcc851625aca9a080c652c670c2bd0a000000ffff"));
        var second = headers.Read(Convert.FromHexString("0225560c7da0222891903660515f04ca164c160600000000ffff"));
        Assert.Equal([new("streamtype", "error"), new("content-type", "text/html")], first);
        Assert.Equal([new("streamtype", "data"), new("content-type", "text/html"), new("port", "80")], second);
    }

    [Fact]
    public void What_is_written_is_one_zlib_stream()
    {
        using var headers = new SpdyHeaders();
        using var inflate = new ZLibStream(new MemoryStream([.. headers.Write(("a", "bc")), .. headers.Write()]), CompressionMode.Decompress);
        var bytes = new byte[4 + 4 + 1 + 4 + 2 + 4];
        inflate.ReadExactly(bytes);
        Assert.Equal("000000010000000161000000026263" + "00000000", Convert.ToHexStringLower(bytes));
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("78f9e3c6a7c2ffffffff")]
    [InlineData("78bb")]
    [InlineData("789c02620000ffff")]
    public void Broken_header_blocks_are_refused(string hex)
    {
        using var headers = new SpdyHeaders();
        Assert.Throws<SpdyException>(() => headers.Read(Convert.FromHexString(hex)));
    }

    [Fact]
    public async Task Streams_carry_data_both_ways_and_end_each_way_by_itself()
    {
        await using var client = new Client();
        await client.SendAsync(Open(1));
        Assert.Equal("80030002", (await client.ReadFrameAsync())[..8]); // SYN_REPLY
        var stream = await client.Connection.Opened.ReadAsync();
        Assert.Equal("error", stream.Headers["streamtype"]);

        await client.SendAsync(Data(1, "hello", last: true));
        Assert.Equal("hello", await new StreamReader(stream.Input).ReadToEndAsync());
        await stream.WriteAsync("you"u8.ToArray());
        await stream.CloseAsync();
        Assert.Equal("0000000100000003" + Convert.ToHexStringLower("you"u8), await client.ReadFrameAsync());
        Assert.Equal("0000000101000000", await client.ReadFrameAsync());
    }

    [Fact]
    public async Task A_ping_comes_back()
    {
        await using var client = new Client();
        await client.SendAsync(Convert.FromHexString("800300060000000400000001"));
        Assert.Equal("800300060000000400000001", await client.ReadFrameAsync());
    }

    [Theory]
    [InlineData("8002000100000004aabbccdd")]
    [InlineData("8003000100000004aabbccdd")]
    [InlineData("80030001ffffffff")]
    public async Task What_is_no_SPDY_ends_the_connection(string hex)
    {
        await using var client = new Client();
        await client.SendAsync(Convert.FromHexString(hex));
        await Assert.ThrowsAsync<SpdyException>(() => client.Running.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_client_that_goes_ends_every_stream()
    {
        await using var client = new Client();
        await client.SendAsync(Open(1));
        var stream = await client.Connection.Opened.ReadAsync();
        client.Hangup();
        Assert.Equal("", await new StreamReader(stream.Input).ReadToEndAsync());
        await client.Running;
    }

    private static byte[] Open(int id)
    {
        var block = Convert.FromHexString("78f9e3c6a7c202e50e703a2b294a4dcc851625aca9a080c652c670c2bd0a000000ffff");
        var frame = new byte[18 + block.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, 0x8003_0001);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), frame.Length - 8);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(8), id);
        block.CopyTo(frame, 18);
        return frame;
    }

    private static byte[] Data(int id, string text, bool last)
    {
        var frame = new byte[8 + text.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, id);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), text.Length);
        frame[4] = last ? (byte)1 : (byte)0;
        Encoding.ASCII.GetBytes(text, frame.AsSpan(8));
        return frame;
    }

    private sealed class Client : IAsyncDisposable
    {
        private readonly Pipe _toServer = new(), _toClient = new();

        public Client()
        {
            Connection = new SpdyConnection(new Duplex(_toServer.Reader.AsStream(), _toClient.Writer.AsStream()));
            Running = Connection.RunAsync(default);
        }

        public SpdyConnection Connection { get; }

        public Task Running { get; }

        public async Task SendAsync(byte[] frame) => await _toServer.Writer.WriteAsync(frame);

        public void Hangup() => _toServer.Writer.Complete();

        public async Task<string> ReadFrameAsync()
        {
            var stream = _toClient.Reader.AsStream();
            var header = new byte[8];
            await stream.ReadExactlyAsync(header);
            var body = new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)) & 0xFFFFFF];
            await stream.ReadExactlyAsync(body);
            return Convert.ToHexStringLower([.. header, .. body]);
        }

        public async ValueTask DisposeAsync()
        {
            Hangup();
            await Task.WhenAny(Running);
            Connection.Dispose();
        }
    }

    /// <summary>Reads here, writes there.</summary>
    private sealed class Duplex(Stream from, Stream to) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => to.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => to.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => from.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => from.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => to.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => to.WriteAsync(buffer, cancellationToken);
    }
}
