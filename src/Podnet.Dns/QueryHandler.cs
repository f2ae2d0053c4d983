using Microsoft.Extensions.Logging;
using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>From the bytes of a query to those of its answer, whichever way they came. From any thread.</summary>
internal sealed class QueryHandler(Zone zone, Forwarder? forwarder, DnsMetrics metrics, ILogger logger)
{
    /// <summary>The zone has all there is.</summary>
    public bool Synced { get; set; }

    /// <summary>
    /// Writes the answer and returns its length; 0 where there is none, or none yet: then <paramref name="later"/> has it.
    /// </summary>
    /// <param name="reply">1,232 bytes over UDP, 65,535 over TCP.</param>
    /// <param name="turn">A number that differs from answer to answer.</param>
    public int Answer(ReadOnlySpan<byte> message, Span<byte> reply, bool overUdp, uint turn, out Task<byte[]>? later)
    {
        later = null;
        try
        {
            var length = TryAnswer(message, reply, overUdp, turn, out later);
            if (later is null)
                metrics.Answered(reply[..length], overUdp);
            return length;
        }
        // Nothing that somebody sends may stop the server, not even what nobody thought of.
        catch (Exception e)
        {
            logger.QueryFailed(e, message.Length);
            return 0;
        }
    }

    private int TryAnswer(ReadOnlySpan<byte> message, Span<byte> reply, bool overUdp, uint turn, out Task<byte[]>? later)
    {
        later = null;
        if (!DnsQuery.TryRead(message, stackalloc byte[DnsName.Longest], out var query, out var fault))
            return 0;
        if (fault != ResponseCode.NoError)
            return Responder.Fail(query, fault, forwarder is not null, reply);
        var limit = Limit(query, overUdp);
        var length = Responder.Answer(zone, query, new Serving(Synced, forwarder is not null), reply, limit, turn, out var through);
        if (length > 0)
            return length;
        Span<byte> key = stackalloc byte[QuestionKey.Longest];
        key = key[..QuestionKey.Write(through.IsEmpty ? query.Name : through.Span, query, key)];
        var known = forwarder!.Find(key, out var age);
        metrics.Forwarded(fromCache: known is not null);
        if (known is not null)
            return Write(query, through, known, age, reply, limit);
        later = LaterAsync(message.ToArray(), through, key.ToArray(), overUdp);
        return 0;
    }

    private static int Limit(in DnsQuery query, bool overUdp) => overUdp ? Math.Min(query.UdpSize, DnsWire.LargestUdp) : DnsWire.LargestTcp;

    private async Task<byte[]> LaterAsync(byte[] message, ReadOnlyMemory<byte> through, byte[] key, bool overUdp)
    {
        try
        {
            var answer = Write(message, through, await forwarder!.AskAsync(key), overUdp);
            metrics.Answered(answer, overUdp);
            return answer;
        }
        catch (Exception e)
        {
            logger.QueryFailed(e, message.Length);
            return [];
        }
    }

    private byte[] Write(byte[] message, ReadOnlyMemory<byte> through, UpstreamReply? upstream, bool overUdp)
    {
        DnsQuery.TryRead(message, stackalloc byte[DnsName.Longest], out var query, out _);
        var limit = Limit(query, overUdp);
        var reply = new byte[overUdp ? DnsWire.LargestUdp : DnsWire.LargestTcp];
        return reply[..Write(query, through, upstream, age: 0, reply, limit)];
    }

    private int Write(in DnsQuery query, ReadOnlyMemory<byte> through, UpstreamReply? upstream, uint age, Span<byte> reply, int limit)
    {
        if (!through.IsEmpty)
            return Responder.AnswerThrough(zone, query, upstream is null ? default : upstream.Message, reply, limit);
        return upstream?.Answer(query, age, reply, limit) ?? Responder.Fail(query, ResponseCode.ServerFailure, recursive: true, reply);
    }
}
