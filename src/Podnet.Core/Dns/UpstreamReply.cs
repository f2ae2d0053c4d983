using System.Buffers.Binary;

namespace Podnet.Core.Dns;

/// <summary>What another server answered, as it can be kept and given to others who ask the same.</summary>
/// <param name="Message">Without its OPT record, which is between that server and us.</param>
/// <param name="TtlOffsets">Where in it the records have their TTLs.</param>
/// <param name="Lifetime">Seconds that it may be kept, by what it says itself: the least TTL, or for a "no" that of the SOA record (RFC 2308, 5); 0 where it says nothing.</param>
public sealed record UpstreamReply(byte[] Message, int[] TtlOffsets, uint Lifetime)
{
    public ResponseCode Code => (ResponseCode)(Message[3] & DnsWire.CodeMask);

    public bool IsTruncated => (BinaryPrimitives.ReadUInt16BigEndian(Message.AsSpan(2)) & DnsWire.Truncated) != 0;

    /// <summary>False where it is broken, or no answer to this question, whose name's case must be the same (draft-vixie-dnsext-dns0x20).</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, ReadOnlySpan<byte> question, out UpstreamReply? reply)
    {
        reply = null;
        if (message.Length < DnsWire.Header + question.Length
            || (BinaryPrimitives.ReadUInt16BigEndian(message[2..]) & (DnsWire.Response | DnsWire.OpcodeMask)) != DnsWire.Response
            || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1
            || !message.Slice(DnsWire.Header, question.Length).SequenceEqual(question))
        {
            return false;
        }
        Span<ushort> counts = stackalloc ushort[3];
        for (var section = 0; section < 3; section++)
            counts[section] = BinaryPrimitives.ReadUInt16BigEndian(message[(6 + (2 * section))..]);
        List<int> ttls = [];
        var at = DnsWire.Header + question.Length;
        var lifetime = uint.MaxValue;
        uint? no = null;
        for (var section = 0; section < 3; section++)
        {
            for (var i = 0; i < counts[section]; i++)
            {
                var start = at;
                if (!DnsRecord.TryRead(message, ref at, out var record))
                    return false;
                if (record.Type == RecordType.Opt)
                {
                    // What comes behind it only helps, and may point to what is before it alone once it is cut here.
                    at = start;
                    counts[section] = (ushort)i;
                    break;
                }
                ttls.Add(record.TtlOffset);
                // A TTL with its first bit set counts as 0 (RFC 2181, 8).
                var ttl = record.Ttl > int.MaxValue ? 0 : record.Ttl;
                lifetime = Math.Min(lifetime, ttl);
                if (section == 1 && record is { Type: RecordType.Soa, DataLength: >= 4 })
                    no = Math.Min(ttl, BinaryPrimitives.ReadUInt32BigEndian(message[(record.DataOffset + record.DataLength - 4)..]));
            }
        }
        var kept = message[..at].ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(kept.AsSpan(10), counts[2]);
        // A "no" without an SOA record is not to be kept (RFC 2308, 5).
        var isNo = counts[0] == 0 || (message[3] & DnsWire.CodeMask) == (int)ResponseCode.NameError;
        reply = new(kept, [.. ttls], isNo ? Math.Min(no ?? 0, lifetime) : lifetime);
        return true;
    }

    /// <summary>
    /// The answer to one who asked the same. Where it does not fit, it is the question alone, and truncated.
    /// </summary>
    /// <param name="age">Seconds since it came.</param>
    /// <param name="limit">Bytes of the answer at most.</param>
    public int Answer(in DnsQuery query, uint age, Span<byte> reply, int limit)
    {
        var room = limit - (query.HasEdns ? DnsWire.Opt : 0);
        if (Message.Length > room)
        {
            var cut = new ReplyWriter(query, reply, limit);
            cut.Set(DnsWire.Truncated | DnsWire.RecursionAvailable);
            return cut.Finish(Code);
        }
        Message.CopyTo(reply);
        BinaryPrimitives.WriteUInt16BigEndian(reply, query.Id);
        // What the other server says of itself (AA) is not said of us; AD stays where it vouches for the records.
        var flags = BinaryPrimitives.ReadUInt16BigEndian(reply[2..]) & ~(DnsWire.Authoritative | DnsWire.RecursionDesired | DnsWire.CheckingDisabled);
        flags |= DnsWire.RecursionAvailable | (query.Flags & (DnsWire.RecursionDesired | DnsWire.CheckingDisabled));
        BinaryPrimitives.WriteUInt16BigEndian(reply[2..], (ushort)flags);
        query.Question.CopyTo(reply[DnsWire.Header..]);
        foreach (var offset in TtlOffsets)
        {
            var ttl = BinaryPrimitives.ReadUInt32BigEndian(reply[offset..]);
            BinaryPrimitives.WriteUInt32BigEndian(reply[offset..], ttl > int.MaxValue || ttl < age ? 0 : ttl - age);
        }
        return query.HasEdns ? AddOpt(query, reply) : Message.Length;
    }

    private int AddOpt(in DnsQuery query, Span<byte> reply)
    {
        ReplyWriter.WriteOpt(reply[Message.Length..], ResponseCode.NoError, query.DnssecOk);
        BinaryPrimitives.WriteUInt16BigEndian(reply[10..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(reply[10..]) + 1));
        return Message.Length + DnsWire.Opt;
    }
}
