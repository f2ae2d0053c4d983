using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Podnet.Core.Dns;

namespace Podnet.Core.Tests.Dns;

/// <summary>Asks a zone as a client would, by a message, and reads the answer into dig's words.</summary>
internal static class Dig
{
    /// <summary>A query without EDNS, as dig +noedns sends it; with a size, with EDNS.</summary>
    public static byte[] Query(string name, RecordType type, ushort? size = null, uint options = 0, ushort @class = 1, string? raw = null)
    {
        var bytes = new List<byte> { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, (byte)(size is null ? 0 : 1) };
        var wire = DnsName.Parse(name).Wire.ToArray();
        if (raw is not null)
            raw.Select(c => c == '.' ? (byte)0 : (byte)c).Zip(Enumerable.Range(1, raw.Length)).Where(each => each.First != 0).ToList().ForEach(each => wire[each.Second] = each.First);
        bytes.AddRange(wire);
        bytes.AddRange([(byte)((int)type >> 8), (byte)type, (byte)(@class >> 8), (byte)@class]);
        if (size is { } bound)
            bytes.AddRange([0, 0, 41, (byte)(bound >> 8), (byte)bound, (byte)(options >> 24), (byte)(options >> 16), (byte)(options >> 8), (byte)options, 0, 0]);
        return [.. bytes];
    }

    /// <summary>"NOERROR aa" and a line for each record, sections apart: "web.default.svc.cluster.local A 10.0.0.1".</summary>
    public static string Ask(Zone zone, string name, RecordType type, bool synced = true) => Read(Send(zone, Query(name, type), synced: synced));

    public static byte[] Send(Zone zone, byte[] message, int? limit = null, bool synced = true, bool recursive = false, uint turn = 0)
    {
        var reply = new byte[DnsWire.LargestTcp];
        if (!DnsQuery.TryRead(message, stackalloc byte[DnsName.Longest], out var query, out var fault))
            return [];
        var length = fault != ResponseCode.NoError
            ? Responder.Fail(query, fault, recursive, reply)
            : Responder.Answer(zone, query, new(synced, recursive), reply, limit ?? Math.Min(query.UdpSize, DnsWire.LargestUdp), turn, out _);
        return reply[..length];
    }

    public static string Read(byte[] message)
    {
        int Number(int offset) => BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(offset));
        var flags = Number(2);
        var codes = new[] { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
        var text = codes[flags & 15];
        foreach (var (bit, word) in new[] { (0x400, " aa"), (0x200, " tc"), (0x80, " ra") })
            text += (flags & bit) != 0 ? word : "";
        var at = 12;
        for (var i = 0; i < Number(4); i++)
        {
            Name(message, ref at);
            at += 4;
        }
        foreach (var (section, offset) in new[] { ("", 6), ("authority: ", 8), ("additional: ", 10) })
        {
            for (var i = 0; i < Number(offset); i++)
                text += $"\n{section}{Record(message, ref at)}";
        }
        Assert.Equal(message.Length, at);
        return text;
    }

    private static string Record(byte[] message, ref int at)
    {
        var owner = Name(message, ref at);
        var type = (RecordType)BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(at));
        var length = BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(at + 8));
        var size = BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(at + 2));
        at += 10;
        var (from, data) = (at, message.AsSpan(at, length).ToArray());
        at += length;
        return type switch
        {
            RecordType.A or RecordType.Aaaa => $"{owner} {type.ToString().ToUpperInvariant()} {new IPAddress(data)}",
            RecordType.Srv => $"{owner} SRV {data[0] << 8 | data[1]} {data[2] << 8 | data[3]} {data[4] << 8 | data[5]} {Name(message, from + 6)}",
            RecordType.Txt => $"{owner} TXT \"{System.Text.Encoding.ASCII.GetString(data[1..])}\"",
            RecordType.Soa => $"{owner} SOA",
            RecordType.Opt => $"OPT {size}",
            _ => $"{owner} {type.ToString().ToUpperInvariant()} {Name(message, from)}",
        };
    }

    private static string Name(byte[] message, int at) => Name(message, ref at);

    private static string Name(byte[] message, ref int at)
    {
        var labels = new List<string>();
        var end = -1;
        for (var here = at; ;)
        {
            int length = message[here];
            if (length >= 192)
            {
                end = end < 0 ? here + 2 : end;
                here = (length & 63) << 8 | message[here + 1];
                continue;
            }
            here++;
            if (length == 0)
            {
                at = end < 0 ? here : end;
                return labels.Count == 0 ? "." : string.Join('.', labels);
            }
            labels.Add(string.Create(CultureInfo.InvariantCulture, $"{System.Text.Encoding.Latin1.GetString(message, here, length)}"));
            here += length;
        }
    }
}
