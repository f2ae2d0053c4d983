using System.Security.Cryptography;

namespace Podnet.Local.Images;

/// <summary>Bytes of an image on their way through: counted, hashed, and not more of them than there may be.</summary>
/// <param name="most">In bytes; what goes beyond is an error.</param>
/// <param name="longestRead">
/// In bytes, what may be asked for at once: who reads a tar file asks for a whole header in one go, of a size that whoever made the file says.
/// </param>
internal sealed class MeasuredStream(Stream inner, long most, Func<string> tooMuch, int longestRead = int.MaxValue) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Count { get; private set; }

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
        if (buffer.Length > longestRead)
            throw new InvalidDataException($"a header of {buffer.Length} bytes");
        var count = inner.Read(buffer);
        _hash.AppendData(buffer[..count]);
        Count += count;
        return Count <= most ? count : throw new ImageException(tooMuch());
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <summary>Reads what is left, and tells the digest of all of it.</summary>
    public string Finish()
    {
        var rest = new byte[81920];
        while (Read(rest.AsSpan(0, Math.Min(rest.Length, longestRead))) > 0)
        {
        }

        return ContentDigest.FromHash(_hash.GetCurrentHash());
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
