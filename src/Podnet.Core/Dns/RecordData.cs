using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Podnet.Core.Dns;

/// <summary>A record without its name, class and TTL: its data as messages carry it, with names that are not compressed.</summary>
public readonly record struct RecordData(RecordType Type, ReadOnlyMemory<byte> Data) : IComparable<RecordData>
{
    /// <summary>A or AAAA.</summary>
    public static RecordData Of(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return new(bytes.Length == 4 ? RecordType.A : RecordType.Aaaa, bytes);
    }

    public static RecordData Cname(DnsName target) => new(RecordType.Cname, target.Wire.ToArray());

    public static RecordData Ptr(DnsName target) => new(RecordType.Ptr, target.Wire.ToArray());

    /// <summary>One string of at most 255 characters.</summary>
    public static RecordData Txt(string text) => new(RecordType.Txt, (byte[])[(byte)text.Length, .. Encoding.ASCII.GetBytes(text)]);

    /// <summary>RFC 2782: priority, weight, port, target, which must not be compressed.</summary>
    public static RecordData Srv(ushort priority, ushort weight, ushort port, DnsName target)
    {
        var data = new byte[SrvTarget + target.Wire.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, priority);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), weight);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), port);
        target.Wire.CopyTo(data.AsSpan(SrvTarget));
        return new(RecordType.Srv, data);
    }

    /// <summary>RFC 1035, 3.3.13: two names, then serial, refresh, retry, expire, minimum.</summary>
    public static RecordData Soa(DnsName server, DnsName mailbox, uint serial, uint refresh, uint retry, uint expire, uint minimum)
    {
        var data = new byte[server.Wire.Length + mailbox.Wire.Length + 20];
        server.Wire.CopyTo(data);
        mailbox.Wire.CopyTo(data.AsSpan(server.Wire.Length));
        var at = server.Wire.Length + mailbox.Wire.Length;
        foreach (var number in (ReadOnlySpan<uint>)[serial, refresh, retry, expire, minimum])
        {
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(at), number);
            at += 4;
        }
        return new(RecordType.Soa, data);
    }

    /// <summary>Where an SRV record's data has its target.</summary>
    internal const int SrvTarget = 6;

    public bool Equals(RecordData other) => Type == other.Type && Data.Span.SequenceEqual(other.Data.Span);

    public override int GetHashCode() => HashCode.Combine(Type, DnsName.Hash(Data.Span));

    public int CompareTo(RecordData other) => Type != other.Type ? Type.CompareTo(other.Type) : Data.Span.SequenceCompareTo(other.Data.Span);
}
