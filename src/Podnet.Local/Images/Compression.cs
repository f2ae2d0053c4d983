using System.IO.Compression;

namespace Podnet.Local.Images;

/// <summary>How a layer or an archive is compressed: by its first bytes, which cannot be wrong as a media type can.</summary>
internal static class Compression
{
    private static ReadOnlySpan<byte> Gzip => [0x1F, 0x8B]; // RFC 1952, 2.3.1

    private static ReadOnlySpan<byte> Zstandard => [0x28, 0xB5, 0x2F, 0xFD]; // RFC 8878, 3.1.1

    /// <param name="what">For the error.</param>
    /// <exception cref="ImageException">In a way that is not read here.</exception>
    public static Stream Decompressed(Stream stream, string what)
    {
        var start = new byte[4];
        var count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (Zstandard.SequenceEqual(start))
            throw new ImageException($"{what} is compressed with zstd, which is not read here: write it anew with 'skopeo copy --dest-compress-format gzip'");
        var whole = new PrefixedStream(start.AsMemory(0, count), stream);
        return start.AsSpan().StartsWith(Gzip) ? new GZipStream(whole, CompressionMode.Decompress) : whole;
    }

    /// <summary>What was read ahead, and then the rest.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        private int _given;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            if (_given == prefix.Length)
                return rest.Read(buffer);
            var count = Math.Min(buffer.Length, prefix.Length - _given);
            prefix.Span.Slice(_given, count).CopyTo(buffer);
            _given += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
