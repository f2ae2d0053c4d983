using System.Buffers.Binary;
using System.Net;
using System.Text;
using Podnet.Core.Model;

namespace Podnet.Core.Dns;

/// <summary>How one server answers, beside what its zone says.</summary>
/// <param name="Synced">The zone has all there is. Until then it is no reason to say that a name is not there.</param>
/// <param name="Recursive">Other names are asked elsewhere; otherwise there are none.</param>
public readonly record struct Serving(bool Synced, bool Recursive);

/// <summary>Answers queries from a zone.</summary>
public static class Responder
{
    /// <summary>From one external name to another: arbitrary, as BIND's limit is 16.</summary>
    private const int LongestChain = 8;

    /// <summary>
    /// Writes the answer. Returns its length; 0 where the answer is to be asked for elsewhere: then <paramref name="elsewhere"/> is the name
    /// that external names lead to, and empty where it is the question's own.
    /// </summary>
    /// <param name="limit">Bytes of the answer at most.</param>
    /// <param name="turn">A number that differs from answer to answer.</param>
    public static int Answer(
        Zone zone, scoped in DnsQuery query, Serving serving, Span<byte> reply, int limit, uint turn, out ReadOnlyMemory<byte> elsewhere)
    {
        elsewhere = default;
        var writer = new ReplyWriter(query, reply, limit);
        if (serving.Recursive)
            writer.Set(DnsWire.RecursionAvailable);
        if (query.Type is RecordType.None or RecordType.Opt)
            return writer.Finish(ResponseCode.FormatError);
        if (query.Type is RecordType.Axfr or RecordType.Ixfr || query.Class is not (DnsWire.Internet or DnsWire.AnyClass))
            return writer.Finish(ResponseCode.Refused);
        var isOurs = zone.Domain.Holds(query.Name);
        if (isOurs && !serving.Synced)
            return writer.Finish(ResponseCode.ServerFailure);
        if (zone.Find(query.Name) is { } sets)
        {
            writer.Set(DnsWire.Authoritative);
            return AnswerWith(zone, sets, query, serving, ref writer, turn, out elsewhere);
        }
        if (!isOurs && serving.Recursive)
            return 0;
        writer.Set(DnsWire.Authoritative);
        if (isOurs && PodAddress(zone, query.Name) is { } pod)
            return AnswerPod(zone, pod, query, ref writer);
        return No(zone, query, ref writer, isOurs, ResponseCode.NameError);
    }

    /// <summary>The answer to a query that cannot be answered.</summary>
    public static int Fail(scoped in DnsQuery query, ResponseCode code, bool recursive, Span<byte> reply)
    {
        var writer = new ReplyWriter(query, reply, DnsWire.PlainUdp);
        if (recursive)
            writer.Set(DnsWire.RecursionAvailable);
        return writer.Finish(code);
    }

    /// <summary>
    /// The answer by way of external names that end elsewhere: these, and what was answered there to the last of them.
    /// </summary>
    /// <param name="upstream">Null where nobody answered.</param>
    public static int AnswerThrough(Zone zone, scoped in DnsQuery query, ReadOnlySpan<byte> upstream, Span<byte> reply, int limit)
    {
        var writer = new ReplyWriter(query, reply, limit);
        writer.Set(DnsWire.RecursionAvailable);
        if (upstream.IsEmpty || zone.Find(query.Name) is not { } sets)
            return writer.Finish(ResponseCode.ServerFailure);
        Follow(zone, sets, query, ref writer, turn: 0, out _);
        var code = (ResponseCode)(upstream[3] & DnsWire.CodeMask);
        Span<byte> record = stackalloc byte[DnsName.Longest + RecordSet.Overhead + ForeignRecord.LongestData];
        var at = DnsWire.Header;
        if (!DnsRecord.TrySkipName(upstream, ref at))
            return writer.Finish(ResponseCode.ServerFailure);
        at += 4;
        for (var left = BinaryPrimitives.ReadUInt16BigEndian(upstream[6..]); left > 0; left--)
        {
            var length = ForeignRecord.Copy(upstream, ref at, record);
            if (length < 0)
                return writer.Finish(ResponseCode.ServerFailure);
            if (length > 0 && !writer.Answer(record[..length]))
                break;
        }
        return writer.Finish(code);
    }

    private static int AnswerWith(
        Zone zone, RecordSet[] sets, scoped in DnsQuery query, Serving serving, ref ReplyWriter writer, uint turn, out ReadOnlyMemory<byte> elsewhere)
    {
        elsewhere = default;
        if (Of(sets, query.Type) is { } set)
        {
            writer.Answer(set, DnsWire.QuestionName, turn);
            return writer.Finish(ResponseCode.NoError);
        }
        if (Of(sets, RecordType.Cname) is null)
            return No(zone, query, ref writer, zone.Domain.Holds(query.Name), ResponseCode.NoError);
        var code = Follow(zone, sets, query, ref writer, turn, out elsewhere);
        if (!elsewhere.IsEmpty)
        {
            if (serving.Recursive)
                return 0;
            elsewhere = default;
        }
        return writer.Finish(code);
    }

    /// <summary>External names, one after the other, and the records at the end of them where that is here.</summary>
    private static ResponseCode Follow(
        Zone zone, RecordSet[] sets, scoped in DnsQuery query, ref ReplyWriter writer, uint turn, out ReadOnlyMemory<byte> elsewhere)
    {
        elsewhere = default;
        var owner = DnsWire.QuestionName;
        for (var hops = 0; ; hops++)
        {
            if (Of(sets, query.Type) is { } set)
            {
                writer.Answer(set, owner, turn);
                return ResponseCode.NoError;
            }
            if (Of(sets, RecordType.Cname) is not { } cname)
                return ResponseCode.NoError;
            if (hops == LongestChain)
                return ResponseCode.ServerFailure;
            var target = writer.Length + RecordSet.Overhead;
            writer.Answer(cname, owner, turn: 0);
            if (writer.IsTruncated)
                return ResponseCode.NoError;
            owner = (ushort)(DnsWire.Pointer | target);
            var name = cname.Records.AsMemory(RecordSet.Overhead);
            if (zone.Find(name.Span) is { } next)
                sets = next;
            else if (zone.Domain.Holds(name.Span))
                return ResponseCode.NameError;
            else
            {
                elsewhere = name;
                return ResponseCode.NoError;
            }
        }
    }

    /// <summary>There is no such name, or nothing of this type. Of a name that is not within the zone there is nobody whose word it could be.</summary>
    private static int No(Zone zone, scoped in DnsQuery query, ref ReplyWriter writer, bool isOurs, ResponseCode code)
    {
        if (isOurs)
        {
            var offset = DnsWire.Header + query.Name.Length - zone.Domain.Wire.Length;
            writer.Authority(zone.Authority, (ushort)(DnsWire.Pointer | offset), Zone.Ttl);
        }
        return writer.Finish(code);
    }

    private static RecordSet? Of(RecordSet[] sets, RecordType type)
    {
        foreach (var set in sets)
        {
            // Who asks for anything gets something, and not everything (RFC 8482, 4.1).
            if (set.Type == type || type == RecordType.Any)
                return set;
        }
        return null;
    }

    private static int AnswerPod(Zone zone, IPAddress address, in DnsQuery query, ref ReplyWriter writer)
    {
        var record = RecordData.Of(address);
        if (query.Type != record.Type && query.Type != RecordType.Any)
            return No(zone, query, ref writer, isOurs: true, ResponseCode.NoError);
        Span<byte> bytes = stackalloc byte[RecordSet.Overhead + 16];
        writer.Answer(bytes[..RecordSet.Write(bytes, DnsWire.QuestionName, record, Zone.Ttl)]);
        return writer.Finish(ResponseCode.NoError);
    }

    /// <summary>
    /// 2.6: "&lt;a&gt;-&lt;b&gt;-&lt;c&gt;-&lt;d&gt;.&lt;ns&gt;.pod.&lt;zone&gt;" for any address, "deprecated but required to satisfy this specification". Null for
    /// other names, and where there is no such namespace.
    /// </summary>
    private static IPAddress? PodAddress(Zone zone, ReadOnlySpan<byte> name)
    {
        int first = name[0];
        var parent = name[(first + 1)..];
        if (parent.Length <= zone.PodDomain.Wire.Length || !zone.PodDomain.Holds(parent) || zone.Find(parent) is null || first > 45)
            return null;
        var label = Encoding.ASCII.GetString(name.Slice(1, first));
        if (!label.All(c => char.IsAsciiHexDigit(c) || c == '-'))
            return null;
        // Of IPv4 only what is written as it is printed: .NET reads "10.1" and "010.0.0.1" as other addresses.
        if (IPAddress.TryParse(label.Replace('-', '.'), out var v4) && v4.Family() == IPFamily.V4 && ServiceRecords.HostnameOf(v4) == label)
            return v4;
        if (IPAddress.TryParse(label.Replace('-', ':'), out var v6) && v6.Family() == IPFamily.V6)
            return v6;
        return null;
    }
}
