using System.Buffers.Binary;

namespace Podnet.Core.Dns;

/// <summary>Writes the answer to a query: header, question, records as far as there is room, and an OPT record where the query has one.</summary>
public ref struct ReplyWriter
{
    private readonly Span<byte> _buffer;
    private readonly int _limit;
    private readonly bool _hasEdns, _dnssecOk;
    private ushort _flags;
    private ushort _answers, _authority, _additional;

    /// <param name="buffer">At least 1,232 bytes.</param>
    /// <param name="limit">Bytes of the answer at most, at least 512.</param>
    public ReplyWriter(scoped in DnsQuery query, Span<byte> buffer, int limit)
    {
        _buffer = buffer;
        (_hasEdns, _dnssecOk) = (query.HasEdns, query.DnssecOk);
        _limit = limit - (_hasEdns ? DnsWire.Opt : 0);
        BinaryPrimitives.WriteUInt16BigEndian(buffer, query.Id);
        _flags = (ushort)(DnsWire.Response | (query.Flags & (DnsWire.OpcodeMask | DnsWire.RecursionDesired | DnsWire.CheckingDisabled)));
        BinaryPrimitives.WriteUInt16BigEndian(buffer[4..], (ushort)(query.Question.IsEmpty ? 0 : 1));
        query.Question.CopyTo(buffer[DnsWire.Header..]);
        Length = DnsWire.Header + query.Question.Length;
    }

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    public readonly bool IsTruncated => (_flags & DnsWire.Truncated) != 0;

    public void Set(ushort flags) => _flags |= flags;

    /// <summary>
    /// Adds a name's records to the answers. Where there is no room for all, as many as fit: who cannot use TCP has at least these, and the
    /// TC bit tells who can.
    /// </summary>
    /// <param name="owner">The pointer to their name.</param>
    /// <param name="turn">Which record is the first, counted round: clients take the first, and shall not all take the same.</param>
    public void Answer(RecordSet set, ushort owner, uint turn)
    {
        ReadOnlySpan<byte> records = set.Records;
        var start = Length;
        var count = set.Count;
        if (records.Length > _limit - Length)
        {
            (count, var length) = Fitting(set);
            records = records[..length];
            Set(DnsWire.Truncated);
        }
        // What was cut is cut from the same end each time, which is good enough.
        var first = set.Stride > 0 && count > 1 ? (int)(turn % (uint)count) * set.Stride : 0;
        records[first..].CopyTo(_buffer[Length..]);
        records[..first].CopyTo(_buffer[(Length + records.Length - first)..]);
        Length += records.Length;
        _answers += (ushort)count;
        if (owner != DnsWire.QuestionName)
            Rename(start, owner);
        else if (set.AdditionalCount > 0 && !IsTruncated && set.Additional.Length <= _limit - Length)
            Add(set.Additional, (ushort)set.AdditionalCount);
    }

    /// <summary>Adds one record to the answers, as it is. False, and truncated, where there is no room.</summary>
    public bool Answer(scoped ReadOnlySpan<byte> record)
    {
        if (record.Length > _limit - Length)
        {
            Set(DnsWire.Truncated);
            return false;
        }
        record.CopyTo(_buffer[Length..]);
        Length += record.Length;
        _answers++;
        return true;
    }

    /// <summary>Says by whose word there is no (more) answer.</summary>
    /// <param name="owner">The pointer to its name.</param>
    public void Authority(RecordData record, ushort owner, uint ttl)
    {
        if (RecordSet.Overhead + record.Data.Length > _limit - Length)
            return;
        Length += RecordSet.Write(_buffer[Length..], owner, record, ttl);
        _authority++;
    }

    /// <returns>Bytes of the whole answer.</returns>
    public int Finish(ResponseCode code)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[2..], (ushort)(_flags | ((int)code & DnsWire.CodeMask)));
        if (_hasEdns)
        {
            WriteOpt(_buffer[Length..], code, _dnssecOk);
            Length += DnsWire.Opt;
            _additional++;
        }
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[6..], _answers);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[8..], _authority);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[10..], _additional);
        return Length;
    }

    /// <summary>RFC 6891, 6.1.2: the root as name; our UDP size as class; the upper bits of the code, version 0 and flags as TTL; no options.</summary>
    public static void WriteOpt(Span<byte> opt, ResponseCode code, bool dnssecOk)
    {
        opt[0] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], (ushort)RecordType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], DnsWire.LargestUdp);
        BinaryPrimitives.WriteUInt32BigEndian(opt[5..], ((uint)code >> 4 << 24) | (dnssecOk ? DnsWire.DnssecOk : 0));
        BinaryPrimitives.WriteUInt16BigEndian(opt[9..], 0);
    }

    private void Add(scoped ReadOnlySpan<byte> records, ushort count)
    {
        records.CopyTo(_buffer[Length..]);
        Length += records.Length;
        _additional += count;
    }

    private readonly (int Count, int Length) Fitting(RecordSet set)
    {
        var (count, length) = (0, 0);
        while (count < set.Count)
        {
            var next = RecordSet.Overhead + BinaryPrimitives.ReadUInt16BigEndian(set.Records.AsSpan(length + 10));
            if (length + next > _limit - Length)
                break;
            length += next;
            count++;
        }
        return (count, length);
    }

    private readonly void Rename(int start, ushort owner)
    {
        for (var at = start; at < Length; at += RecordSet.Overhead + BinaryPrimitives.ReadUInt16BigEndian(_buffer[(at + 10)..]))
            BinaryPrimitives.WriteUInt16BigEndian(_buffer[at..], owner);
    }
}
