using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>
/// Answers queries over TCP: each with its length before it, any number a connection (RFC 7766), one after the other.
/// </summary>
internal sealed class TcpService(Socket listener, QueryHandler handler, ILogger logger)
{
    /// <summary>At the same time; more wait in the kernel's backlog. Arbitrary.</summary>
    private const int MostConnections = 256;

    /// <summary>For a client to send a whole query, or to take the answer; also how long a connection may be idle: RFC 7766, 6.2.3 speaks of seconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _free = new(MostConnections);
    private uint _turn;

    /// <summary>Until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await _free.WaitAsync(ct);
                _ = ServeAsync(await listener.AcceptAsync(ct), ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            // The client went before it was accepted, or there are no file handles left just now.
            catch (SocketException e)
            {
                _free.Release();
                logger.AcceptFailed((IPEndPoint)listener.LocalEndPoint!, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
            }
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken ct)
    {
        try
        {
            client.NoDelay = true;
            await using var stream = new NetworkStream(client, ownsSocket: true);
            var buffer = new byte[2 + DnsWire.LargestTcp];
            while (await AnswerAsync(stream, buffer, ct))
            {
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // The client is gone or too slow, or the server is: there is nobody to tell.
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>False where there is nothing to answer: a client that sends that is better off without this connection.</summary>
    private async Task<bool> AnswerAsync(NetworkStream stream, byte[] buffer, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        await stream.ReadExactlyAsync(buffer.AsMemory(0, 2), patience.Token);
        var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(buffer)];
        await stream.ReadExactlyAsync(query, patience.Token);
        var length = handler.Answer(query, buffer.AsSpan(2), overUdp: false, Interlocked.Increment(ref _turn), out var later);
        if (later is not null)
        {
            var answer = await later;
            answer.CopyTo(buffer, 2);
            length = answer.Length;
        }
        if (length == 0)
            return false;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)length);
        patience.CancelAfter(Patience);
        await stream.WriteAsync(buffer.AsMemory(0, 2 + length), patience.Token);
        return true;
    }
}
