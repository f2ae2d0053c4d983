using System.Buffers.Binary;

namespace Podnet.Core.Dns;

/// <summary>Takes a record out of somebody else's message: its names, which may be pointers into that, are written out.</summary>
internal static class ForeignRecord
{
    /// <summary>Bytes of data that are copied at most: what is larger is nothing that an external name leads to. Arbitrary.</summary>
    public const int LongestData = 4096;

    /// <summary>Copies the record at an offset, and moves that behind it. Returns its length; 0 where it is left out, -1 where the message is broken.</summary>
    public static int Copy(ReadOnlySpan<byte> message, ref int at, Span<byte> to)
    {
        var start = at;
        if (!DnsRecord.TryRead(message, ref at, out var record))
            return -1;
        var owner = DnsRecord.ReadName(message, start, to);
        if (owner == 0)
            return -1;
        if (record.DataLength > LongestData)
            return 0;
        // Type, class and TTL as they are; then the length of what comes of the data.
        message.Slice(record.TtlOffset - 4, 8).CopyTo(to[owner..]);
        var length = CopyData(message, record, to[(owner + 10)..]);
        if (length < 0)
            return -1;
        BinaryPrimitives.WriteUInt16BigEndian(to[(owner + 8)..], (ushort)length);
        return owner + 10 + length;
    }

    /// <summary>Types whose data may be compressed are those of RFC 1035 alone (RFC 3597, 4), as far as an external name leads to them.</summary>
    private static int CopyData(ReadOnlySpan<byte> message, DnsRecord record, Span<byte> to)
    {
        var (plain, names) = record.Type switch
        {
            RecordType.Cname or RecordType.Ns or RecordType.Ptr => (0, 1),
            RecordType.Mx => (2, 1),
            RecordType.Soa => (0, 2),
            _ => (record.DataLength, 0),
        };
        if (plain > record.DataLength)
            return -1;
        message.Slice(record.DataOffset, plain).CopyTo(to);
        var (from, written) = (record.DataOffset + plain, plain);
        for (var i = 0; i < names; i++)
        {
            var length = DnsRecord.ReadName(message, from, to[written..]);
            if (length == 0 || !DnsRecord.TrySkipName(message, ref from))
                return -1;
            written += length;
        }
        var rest = record.DataOffset + record.DataLength - from;
        if (rest < 0)
            return -1;
        message.Slice(from, rest).CopyTo(to[written..]);
        return written + rest;
    }
}
