using System.Buffers.Binary;

namespace Podnet.Core.Dns;

/// <summary>What a query asks, read from its bytes; nothing is copied but the name.</summary>
public ref struct DnsQuery
{
    public ushort Id { get; private set; }

    public ushort Flags { get; private set; }

    /// <summary>As the client wrote it, upper case and all; empty where the fault is in it.</summary>
    public ReadOnlySpan<byte> Question { get; private set; }

    /// <summary>The question's name in lower case.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    public RecordType Type { get; private set; }

    public ushort Class { get; private set; }

    public bool HasEdns { get; private set; }

    public bool DnssecOk { get; private set; }

    /// <summary>Bytes that the client can take over UDP; without EDNS 512.</summary>
    public int UdpSize { get; private set; }

    public readonly bool WantsRecursion => (Flags & DnsWire.RecursionDesired) != 0;

    /// <summary>
    /// Reads a query. True where it can be answered as it asks, or with <paramref name="fault"/>; false where nobody must be answered: what
    /// is too short to be answered, and answers, to which an answer would be the begin of an endless exchange.
    /// </summary>
    /// <param name="nameBuffer">255 bytes, for the name.</param>
    public static bool TryRead(ReadOnlySpan<byte> message, Span<byte> nameBuffer, out DnsQuery query, out ResponseCode fault)
    {
        query = default;
        query.UdpSize = DnsWire.PlainUdp;
        fault = ResponseCode.NoError;
        if (message.Length < DnsWire.Header)
            return false;
        query.Id = BinaryPrimitives.ReadUInt16BigEndian(message);
        query.Flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((query.Flags & DnsWire.Response) != 0)
            return false;
        if ((query.Flags & DnsWire.OpcodeMask) != 0)
            fault = ResponseCode.NotImplemented;
        else if (!query.TryReadQuestion(message, nameBuffer) || !query.TryReadRest(message, ref fault))
            fault = ResponseCode.FormatError;
        return true;
    }

    private bool TryReadQuestion(ReadOnlySpan<byte> message, Span<byte> nameBuffer)
    {
        // More than one question is something that nobody ever defined (RFC 9619).
        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1)
            return false;
        var rest = message[DnsWire.Header..];
        var length = DnsName.ReadPlain(rest, nameBuffer);
        if (length == 0 || rest.Length < length + 4)
            return false;
        Name = nameBuffer[..length];
        Type = (RecordType)BinaryPrimitives.ReadUInt16BigEndian(rest[length..]);
        Class = BinaryPrimitives.ReadUInt16BigEndian(rest[(length + 2)..]);
        Question = rest[..(length + 4)];
        return true;
    }

    /// <summary>Looks for an OPT record. A query has seldom another one, but may.</summary>
    private bool TryReadRest(ReadOnlySpan<byte> message, ref ResponseCode fault)
    {
        var others = BinaryPrimitives.ReadUInt16BigEndian(message[6..]) + BinaryPrimitives.ReadUInt16BigEndian(message[8..]);
        var all = others + BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        var at = DnsWire.Header + Question.Length;
        for (var i = 0; i < all; i++)
        {
            var start = at;
            if (!DnsRecord.TryRead(message, ref at, out var record))
                return false;
            if (record.Type != RecordType.Opt)
                continue;
            // One, of the root, among the additional ones (RFC 6891, 6.1.1).
            if (HasEdns || i < others || message[start] != 0)
                return false;
            HasEdns = true;
            UdpSize = Math.Max(DnsWire.PlainUdp, (int)record.Class);
            DnssecOk = (record.Ttl & DnsWire.DnssecOk) != 0;
            if ((record.Ttl >> 16 & 0xFF) != 0)
                fault = ResponseCode.BadVersion;
        }
        return true;
    }
}

/// <summary>Where a record of a message has what. All of it lies within the message.</summary>
/// <param name="TtlOffset">Of its TTL field, from the message's begin.</param>
/// <param name="DataOffset">Likewise.</param>
public readonly record struct DnsRecord(RecordType Type, ushort Class, uint Ttl, int TtlOffset, int DataOffset, int DataLength)
{
    /// <summary>Reads the record at an offset, and moves that behind it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int at, out DnsRecord record)
    {
        record = default;
        if (!TrySkipName(message, ref at) || message.Length - at < 10)
            return false;
        var fixedPart = message[at..];
        var length = BinaryPrimitives.ReadUInt16BigEndian(fixedPart[8..]);
        if (fixedPart.Length - 10 < length)
            return false;
        record = new(
            (RecordType)BinaryPrimitives.ReadUInt16BigEndian(fixedPart), BinaryPrimitives.ReadUInt16BigEndian(fixedPart[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(fixedPart[4..]), at + 4, at + 10, length);
        at += 10 + length;
        return true;
    }

    /// <summary>Moves behind a name: its end, or a pointer to the rest of it.</summary>
    internal static bool TrySkipName(ReadOnlySpan<byte> message, ref int at)
    {
        while ((uint)at < (uint)message.Length)
        {
            int length = message[at];
            if (length == 0)
            {
                at++;
                return true;
            }
            if (length >= DnsWire.Pointer >> 8)
            {
                at += 2;
                return at <= message.Length;
            }
            if (length > DnsName.LongestLabel)
                return false;
            at += length + 1;
        }
        return false;
    }

    /// <summary>Reads a name that may be compressed, in lower case; 0 where there is none.</summary>
    /// <param name="lower">255 bytes.</param>
    internal static int ReadName(ReadOnlySpan<byte> message, int at, Span<byte> lower)
    {
        var written = 0;
        // Each pointer must lead further to the front, so that no loop is possible.
        for (var bound = at; (uint)at < (uint)message.Length;)
        {
            int length = message[at];
            if (length >= DnsWire.Pointer >> 8)
            {
                if (at + 1 >= message.Length)
                    return 0;
                at = (length << 8 | message[at + 1]) & DnsWire.LargestOffset;
                if (at >= bound)
                    return 0;
                bound = at;
                continue;
            }
            if (length > DnsName.LongestLabel || at + length >= message.Length || written + length + 1 > DnsName.Longest)
                return 0;
            lower[written] = (byte)length;
            DnsName.Lower(message.Slice(at + 1, length), lower[(written + 1)..]);
            written += length + 1;
            if (length == 0)
                return written;
            at += length + 1;
        }
        return 0;
    }
}
