using System.Buffers.Binary;

namespace Podnet.Core.Dns;

/// <summary>
/// All records of one type that a name has, as an answer carries them: each begins with a pointer to the question's name, so that answering
/// is to copy them behind the question.
/// </summary>
public sealed class RecordSet
{
    private RecordSet(RecordType type, byte[] records, int count, int stride) =>
        (Type, Records, Count, Stride) = (type, records, count, stride);

    public RecordType Type { get; }

    public byte[] Records { get; }

    public int Count { get; }

    /// <summary>Bytes of each record where all are as long; 0 where not.</summary>
    public int Stride { get; }

    /// <summary>Addresses of the names that SRV records point to, whose own names are pointers into <see cref="Records"/>.</summary>
    public byte[] Additional { get; private init; } = [];

    public int AdditionalCount { get; private init; }

    /// <param name="data">Of one type, in the order in which they are answered.</param>
    /// <param name="nameLength">Bytes of the name that they are records of.</param>
    /// <param name="addresses">From an SRV record's target to its addresses.</param>
    public static RecordSet Build(IReadOnlyList<RecordData> data, uint ttl, int nameLength, Func<DnsName, IReadOnlyList<RecordData>> addresses)
    {
        var records = new byte[data.Sum(one => Overhead + one.Data.Length)];
        var at = 0;
        foreach (var one in data)
            at += Write(records.AsSpan(at), DnsWire.QuestionName, one, ttl);
        var isEven = data.All(one => one.Data.Length == data[0].Data.Length);
        var set = new RecordSet(data[0].Type, records, data.Count, isEven ? Overhead + data[0].Data.Length : 0);
        return set.Type == RecordType.Srv ? set.WithAddresses(data, ttl, DnsWire.Header + nameLength + 4, addresses) : set;
    }

    /// <summary>Bytes of a record beside its data: pointer, type, class, TTL, length.</summary>
    internal const int Overhead = 12;

    /// <param name="owner">The pointer to its name.</param>
    internal static int Write(Span<byte> to, ushort owner, RecordData record, uint ttl)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, owner);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)record.Type);
        BinaryPrimitives.WriteUInt16BigEndian(to[4..], DnsWire.Internet);
        BinaryPrimitives.WriteUInt32BigEndian(to[6..], ttl);
        BinaryPrimitives.WriteUInt16BigEndian(to[10..], (ushort)record.Data.Length);
        record.Data.Span.CopyTo(to[Overhead..]);
        return Overhead + record.Data.Length;
    }

    /// <summary>None where there are too many: an answer would be too long with them, or a pointer too short.</summary>
    private RecordSet WithAddresses(IReadOnlyList<RecordData> data, uint ttl, int start, Func<DnsName, IReadOnlyList<RecordData>> addresses)
    {
        var additional = new List<byte>();
        var (count, at) = (0, start);
        HashSet<DnsName> seen = [];
        Span<byte> record = stackalloc byte[Overhead + 16];
        foreach (var one in data)
        {
            var offset = at + Overhead + RecordData.SrvTarget;
            at += Overhead + one.Data.Length;
            var target = new DnsName(one.Data.Span[RecordData.SrvTarget..].ToArray());
            if (!seen.Add(target))
                continue;
            if (offset > DnsWire.LargestOffset)
                return this;
            foreach (var address in addresses(target))
            {
                additional.AddRange(record[..Write(record, (ushort)(DnsWire.Pointer | offset), address, ttl)]);
                count++;
            }
        }
        return new(Type, Records, Count, Stride) { Additional = [.. additional], AdditionalCount = count };
    }
}
