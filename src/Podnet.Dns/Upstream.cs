using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>
/// Asks one server one question. Each query has a socket of its own, and so a port that the kernel chose at random, and an id at random: nobody
/// can answer in the server's place who does not see the query (RFC 5452).
/// </summary>
internal static class Upstream
{
    /// <summary>The answer; over TCP where UDP has no room for it.</summary>
    /// <exception cref="SocketException">It cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">It did not answer in time.</exception>
    public static async Task<UpstreamReply> AskAsync(IPEndPoint server, byte[] key, CancellationToken patience)
    {
        var query = Query(key);
        var reply = await AskUdpAsync(server, key, query, patience);
        return reply.IsTruncated ? await AskTcpAsync(server, key, query, patience) ?? reply : reply;
    }

    private static async Task<UpstreamReply> AskUdpAsync(IPEndPoint server, byte[] key, byte[] query, CancellationToken patience)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        // From then on the kernel lets in nothing from elsewhere.
        await socket.ConnectAsync(server, patience);
        await socket.SendAsync(query, patience);
        var buffer = new byte[4096];
        while (true)
        {
            var length = await socket.ReceiveAsync(buffer, patience);
            // What is no answer to this is somebody's guess: the true one may still come.
            if (Read(buffer.AsSpan(0, length), key, query) is { } reply)
                return reply;
        }
    }

    /// <summary>Null where it answers something else.</summary>
    private static async Task<UpstreamReply?> AskTcpAsync(IPEndPoint server, byte[] key, byte[] query, CancellationToken patience)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server, patience);
        await using var stream = new NetworkStream(socket);
        var message = new byte[query.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)query.Length);
        query.CopyTo(message, 2);
        await stream.WriteAsync(message, patience);
        try
        {
            var length = new byte[2];
            await stream.ReadExactlyAsync(length, patience);
            var reply = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
            await stream.ReadExactlyAsync(reply, patience);
            return Read(reply, key, query);
        }
        catch (IOException)
        {
            return null; // It closed the connection: what came over UDP has to do.
        }
    }

    private static byte[] Query(byte[] key)
    {
        var question = QuestionKey.Question(key);
        var query = new byte[DnsWire.Header + question.Length + DnsWire.Opt];
        RandomNumberGenerator.Fill(query.AsSpan(0, 2));
        var flags = DnsWire.RecursionDesired | (QuestionKey.IsUnchecked(key) ? DnsWire.CheckingDisabled : 0);
        BinaryPrimitives.WriteUInt16BigEndian(query.AsSpan(2), (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(query.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16BigEndian(query.AsSpan(10), 1);
        question.CopyTo(query.AsSpan(DnsWire.Header));
        ReplyWriter.WriteOpt(query.AsSpan(DnsWire.Header + question.Length), ResponseCode.NoError, QuestionKey.WantsDnssec(key));
        return query;
    }

    private static UpstreamReply? Read(ReadOnlySpan<byte> message, byte[] key, byte[] query) =>
        message.Length >= DnsWire.Header && message[..2].SequenceEqual(query.AsSpan(0, 2))
            && UpstreamReply.TryRead(message, QuestionKey.Question(key), out var reply)
            ? reply
            : null;
}
