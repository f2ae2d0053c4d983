using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Podnet.Local.Streaming;

/// <summary>What a SPDY peer sends that is no SPDY.</summary>
internal sealed class SpdyException(string message) : IOException(message);

/// <summary>
/// Header blocks of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, 2.6.10), both ways: one zlib stream (RFC 1950) for all blocks of a
/// connection, with a dictionary. Uncompressed, a block is a count of pairs, and for each the length and text of name and value, in
/// big-endian 32-bit numbers.
/// </summary>
/// <remarks>
/// .NET has no way to give zlib a dictionary. But a dictionary is nothing but text that counts as seen: it is fed to the
/// decompressor first, as a stored block (RFC 1951, 3.2.4), and what comes out of that is dropped. What is sent is stored blocks
/// only, which need no dictionary.
/// </remarks>
internal sealed class SpdyHeaders : IDisposable
{
    /// <summary>Of one block, uncompressed, in bytes. Arbitrary; Kubernetes' are a few hundred.</summary>
    private const int Longest = 64 * 1024;

    private readonly Feed _feed = new();
    private readonly DeflateStream _inflate;
    private bool _readAny;
    private bool _wroteAny;

    public SpdyHeaders()
    {
        _inflate = new DeflateStream(_feed, CompressionMode.Decompress);
        _feed.Add(Stored(Dictionary));
        _inflate.ReadExactly(new byte[Dictionary.Length]);
    }

    /// <summary>1423 bytes; their Adler-32 checksum, by which zlib names a dictionary, is 0xE3C6A7C2.</summary>
    internal static readonly byte[] Dictionary = MakeDictionary();

    /// <summary>The pairs of a block; names are in lower case. Blocks are to be read in the order in which they came.</summary>
    public IReadOnlyDictionary<string, string> Read(ReadOnlySpan<byte> block)
    {
        try
        {
            _feed.Add(_readAny ? block.ToArray() : WithoutZlibHeader(block));
            _readAny = true;
            var left = Longest;
            var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var count = Number(ref left); count > 0; count--)
            {
                var name = Text(ref left);
                pairs[name] = Text(ref left);
            }

            return pairs;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new SpdyException($"a header block cannot be read: {e.Message}");
        }
    }

    public byte[] Write(params ReadOnlySpan<(string Name, string Value)> pairs)
    {
        var text = new MemoryStream();
        WriteNumber(text, pairs.Length);
        foreach (var (name, value) in pairs)
        {
            WriteText(text, name);
            WriteText(text, value);
        }

        // RFC 1950's two bytes: deflate, 32 KiB window, no dictionary. The empty block at the end is what a sync flush writes.
        byte[] start = _wroteAny ? [] : [0x78, 0x01];
        _wroteAny = true;
        return [.. start, .. Stored(text.ToArray()), .. Stored([])];
    }

    public void Dispose() => _inflate.Dispose();

    private static byte[] WithoutZlibHeader(ReadOnlySpan<byte> block)
    {
        const int presetDictionary = 0x20;
        var header = block.Length > 1 && (block[1] & presetDictionary) != 0 ? 6 : 2;
        return block.Length > header ? block[header..].ToArray() : throw new SpdyException("a header block is cut short");
    }

    /// <summary>RFC 1951, 3.2.4: three bits, up to the next byte; the length, its complement, the bytes.</summary>
    private static byte[] Stored(ReadOnlySpan<byte> bytes)
    {
        var block = new byte[5 + bytes.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(1), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(3), (ushort)~bytes.Length);
        bytes.CopyTo(block.AsSpan(5));
        return block;
    }

    private int Number(ref int left)
    {
        Span<byte> bytes = stackalloc byte[4];
        _inflate.ReadExactly(bytes);
        left -= bytes.Length;
        var number = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return number >= 0 && number <= left ? number : throw new SpdyException($"a header block has more than {Longest} bytes");
    }

    private string Text(ref int left)
    {
        var bytes = new byte[Number(ref left)];
        _inflate.ReadExactly(bytes);
        left -= bytes.Length;
        return Encoding.UTF8.GetString(bytes);
    }

    private static void WriteNumber(MemoryStream to, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        to.Write(bytes);
    }

    private static void WriteText(MemoryStream to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        WriteNumber(to, bytes.Length);
        to.Write(bytes);
    }

    private static byte[] MakeDictionary()
    {
        string[] words =
        [
            .. ("options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
                + "authorization cache-control connection content-base content-encoding content-language content-length content-location "
                + "content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match "
                + "if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range "
                + "referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method "
                + "get status").Split(' '),
            "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin",
        ];
        const string rest =
            "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
            + "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
            + "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
            + "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
            + "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public"
            + "privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
        var bytes = new MemoryStream();
        foreach (var word in words)
            WriteText(bytes, word);
        bytes.Write(Encoding.ASCII.GetBytes(rest));
        return bytes.ToArray();
    }

    /// <summary>What has been added and not read yet.</summary>
    private sealed class Feed : MemoryStream
    {
        public void Add(ReadOnlySpan<byte> bytes)
        {
            var rest = ToArray().AsSpan((int)Position).ToArray();
            SetLength(0);
            Write(rest);
            Write(bytes);
            Position = 0;
        }
    }
}
