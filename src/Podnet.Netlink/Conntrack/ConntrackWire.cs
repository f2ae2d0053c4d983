using System.Net;

namespace Podnet.Netlink;

/// <summary>Conntrack's messages (linux/netfilter/nfnetlink_conntrack.h). All numbers are in network byte order.</summary>
/// <remarks>
/// <code>
/// entry:  TupleOriginal { tuple }  TupleReply { tuple }  Status u32  ProtocolInfo { TcpInfo { TcpInfoState u8 ... } }  Timeout u32  Mark u32  Id u32 ...
/// tuple:  TupleIp { source, destination }  TupleProtocol { Number u8, SourcePort u16, DestinationPort u16 | ICMP id, type, code }
/// </code>
/// </remarks>
internal static class ConntrackWire
{
    private const int Subsystem = 1;
    internal static readonly ushort Get = NetfilterHeader.Type(Subsystem, 1);
    internal static readonly ushort Delete = NetfilterHeader.Type(Subsystem, 2);

    // CTA_*
    internal const int TupleOriginal = 1;
    internal const int Id = 12;
    private const int TupleReply = 2;
    private const int Status = 3;
    private const int ProtocolInfo = 4;
    private const int Timeout = 7;
    private const int Mark = 8;
    private const int Filter = 25;
    private const int StatusMask = 26;

    private const int TcpInfo = 1; // CTA_PROTOINFO_TCP
    private const int TcpInfoState = 1; // CTA_PROTOINFO_TCP_STATE

    private const int FilterOriginal = 1; // CTA_FILTER_ORIG_FLAGS, in host byte order
    private const uint FilterProtocol = 1 << 3; // CTA_FILTER_F_CTA_PROTO_NUM (net/netfilter/nf_conntrack_netlink.c)

    // CTA_TUPLE_*
    private const int TupleIp = 1;
    private const int TupleProtocol = 2;

    // CTA_IP_*
    private const int SourceV4 = 1;
    private const int DestinationV4 = 2;
    private const int SourceV6 = 3;
    private const int DestinationV6 = 4;

    // CTA_PROTO_*; the ICMPv6 ones are three further on
    private const int Number = 1;
    private const int SourcePort = 2;
    private const int DestinationPort = 3;
    private const int IcmpId = 4;
    private const int IcmpType = 5;
    private const int IcmpCode = 6;
    private const int Icmp6Offset = 3;

    internal static void Put(ref NetlinkWriter writer, int attribute, FlowTuple tuple)
    {
        var isV4 = AddressFamily.Of(tuple.Source) == AddressFamily.IPv4;
        var start = writer.BeginNested(attribute);
        var ip = writer.BeginNested(TupleIp);
        writer.PutAddress(isV4 ? SourceV4 : SourceV6, tuple.Source);
        writer.PutAddress(isV4 ? DestinationV4 : DestinationV6, tuple.Destination);
        writer.EndNested(ip);
        var protocol = writer.BeginNested(TupleProtocol);
        writer.PutU8(Number, tuple.Protocol);
        if (tuple.Icmp is { } icmp)
        {
            var offset = isV4 ? 0 : Icmp6Offset;
            writer.PutU16BigEndian(IcmpId + offset, icmp.Identifier);
            writer.PutU8(IcmpType + offset, icmp.Type);
            writer.PutU8(IcmpCode + offset, icmp.Code);
        }
        else
        {
            writer.PutU16BigEndian(SourcePort, tuple.SourcePort);
            writer.PutU16BigEndian(DestinationPort, tuple.DestinationPort);
        }

        writer.EndNested(protocol);
        writer.EndNested(start);
    }

    internal static void Put(ref NetlinkWriter writer, ConntrackFilter filter)
    {
        if (filter.Protocol is { } number)
        {
            var tuple = writer.BeginNested(TupleOriginal);
            var protocol = writer.BeginNested(TupleProtocol);
            writer.PutU8(Number, number);
            writer.EndNested(protocol);
            writer.EndNested(tuple);
            var flags = writer.BeginNested(Filter);
            writer.PutU32(FilterOriginal, FilterProtocol);
            writer.EndNested(flags);
        }

        if (filter.Status != ConntrackStatus.None)
        {
            writer.PutU32BigEndian(Status, (uint)filter.Status);
            writer.PutU32BigEndian(StatusMask, (uint)filter.Status);
        }
    }

    internal static ConntrackEntry Entry(NetlinkMessage message)
    {
        FlowTuple? original = null;
        FlowTuple? reply = null;
        uint status = 0, mark = 0, id = 0, timeout = 0;
        TcpState? tcp = null;
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case TupleOriginal:
                    original = Tuple(attributes.Nested);
                    break;
                case TupleReply:
                    reply = Tuple(attributes.Nested);
                    break;
                case Status:
                    status = attributes.U32BigEndian;
                    break;
                case Mark:
                    mark = attributes.U32BigEndian;
                    break;
                case Id:
                    id = attributes.U32BigEndian;
                    break;
                case ProtocolInfo:
                    tcp = TcpStateIn(attributes.Nested);
                    break;
                case Timeout:
                    timeout = attributes.U32BigEndian;
                    break;
                default:
                    break;
            }
        }

        return original is null || reply is null
            ? throw NetlinkFormat.Broken("a conntrack entry without both its tuples")
            : new ConntrackEntry(original, reply) { Status = (ConntrackStatus)status, Tcp = tcp, Mark = mark, Id = id, Timeout = timeout };
    }

    private static TcpState? TcpStateIn(AttributeReader info)
    {
        while (info.MoveNext())
        {
            if (info.Type != TcpInfo)
                continue;
            var tcp = info.Nested;
            while (tcp.MoveNext())
            {
                if (tcp.Type == TcpInfoState)
                    return (TcpState)tcp.U8;
            }
        }
        return null;
    }

    private static FlowTuple Tuple(AttributeReader attributes)
    {
        IPAddress? source = null;
        IPAddress? destination = null;
        var protocol = new Transport();
        while (attributes.MoveNext())
        {
            if (attributes.Type == TupleProtocol)
                protocol = TransportIn(attributes.Nested);
            if (attributes.Type != TupleIp)
                continue;
            var ip = attributes.Nested;
            while (ip.MoveNext())
            {
                if (ip.Type is SourceV4 or SourceV6)
                    source = ip.Address;
                else if (ip.Type is DestinationV4 or DestinationV6)
                    destination = ip.Address;
            }
        }

        return source is null || destination is null
            ? throw NetlinkFormat.Broken("a conntrack tuple without both its addresses")
            : new FlowTuple(protocol.Number, source, destination, protocol.SourcePort, protocol.DestinationPort) { Icmp = protocol.Icmp };
    }

    private static Transport TransportIn(AttributeReader attributes)
    {
        var transport = new Transport();
        while (attributes.MoveNext())
        {
            transport = attributes.Type switch
            {
                Number => transport with { Number = attributes.U8 },
                SourcePort => transport with { SourcePort = attributes.U16BigEndian },
                DestinationPort => transport with { DestinationPort = attributes.U16BigEndian },
                IcmpId or IcmpId + Icmp6Offset => transport with { Icmp = transport.Query with { Identifier = attributes.U16BigEndian } },
                IcmpType or IcmpType + Icmp6Offset => transport with { Icmp = transport.Query with { Type = attributes.U8 } },
                IcmpCode or IcmpCode + Icmp6Offset => transport with { Icmp = transport.Query with { Code = attributes.U8 } },
                _ => transport,
            };
        }

        return transport;
    }

    private readonly record struct Transport(byte Number, ushort SourcePort, ushort DestinationPort, IcmpQuery? Icmp)
    {
        internal IcmpQuery Query => Icmp ?? default;
    }
}
