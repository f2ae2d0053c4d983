using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Podnet.Agent.Health;

/// <summary>
/// Answers GET and HEAD on one address, one request a connection (RFC 9112, with "Connection: close").
/// </summary>
/// <remarks>
/// Why not Kestrel: healthCheckNodePorts are opened and closed as Services come and go, which a running Kestrel has no call for; and a
/// second server for each costs more than this, which is nothing but its socket (Kestrel with two listeners: 4 MB of private memory).
/// </remarks>
public sealed class HttpResponder : IDisposable
{
    /// <summary>Bytes of a request's head. Arbitrary; probes and scrapers send some hundred.</summary>
    private const int LargestHead = 8192;

    /// <summary>At the same time; more wait in the kernel's backlog. Arbitrary.</summary>
    private const int MostConnections = 128;

    /// <summary>For a client to say what it wants. Arbitrary.</summary>
    private static readonly TimeSpan HeadPatience = TimeSpan.FromSeconds(5);

    /// <summary>For a client to take the answer. Arbitrary.</summary>
    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(60);

    private readonly Socket _listener;
    private readonly Func<string, HttpAnswer> _answer;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _free = new(MostConnections);
    private readonly CancellationTokenSource _closing = new();

    private HttpResponder(Socket listener, Func<string, HttpAnswer> answer, ILogger logger)
    {
        (_listener, _answer, _logger) = (listener, answer, logger);
        Address = (IPEndPoint)listener.LocalEndPoint!;
        _ = AcceptAsync();
    }

    public IPEndPoint Address { get; }

    /// <summary>Listens in the calling thread's network namespace. An unspecified address is both families, as it is for Go.</summary>
    /// <param name="answer">From a path, "/healthz", to what it says; from any thread.</param>
    /// <exception cref="SocketException">It cannot be had.</exception>
    public static HttpResponder Open(IPEndPoint address, Func<string, HttpAnswer> answer, ILogger logger)
    {
        var both = Socket.OSSupportsIPv6 && (address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any));
        var listener = both
            ? new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true }
            : new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(both ? new IPEndPoint(IPAddress.IPv6Any, address.Port) : address);
            listener.Listen();
            return new HttpResponder(listener, answer, logger);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _closing.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                await _free.WaitAsync(_closing.Token);
                _ = ServeAsync(await _listener.AcceptAsync(_closing.Token));
            }
            catch (Exception e) when (_closing.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            // The client went before it was accepted, or there are no file handles left just now.
            catch (SocketException e)
            {
                _free.Release();
                _logger.AcceptFailed(Address, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100));
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        try
        {
            using (client)
            {
                client.NoDelay = true;
                await AnswerAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone or too slow, or this is being closed: there is nobody to tell.
        }
        catch (Exception e)
        {
            _logger.AnswerFailed(e, Address);
        }
        finally
        {
            _free.Release();
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        var (answer, withBody) = await ReadAsync(client) is { } head ? Answer(head) : (new HttpAnswer(431, HttpAnswer.PlainText, ""), true);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        patience.CancelAfter(BodyPatience);
        var buffer = new ArrayBufferWriter<byte>(4096);
        Encoding.ASCII.GetBytes(Head(answer), buffer);
        foreach (var piece in withBody ? answer.Body : [])
        {
            Encoding.UTF8.GetBytes(piece, buffer);
            if (buffer.WrittenCount < 32 * 1024)
                continue;
            await SendAsync(client, buffer, patience.Token);
        }

        await SendAsync(client, buffer, patience.Token);
        client.Shutdown(SocketShutdown.Send);
        // A close with something unread would be a reset, which can overtake the answer.
        patience.CancelAfter(HeadPatience);
        var rest = new byte[512];
        while (await client.ReceiveAsync(rest, patience.Token) > 0)
        {
        }
    }

    /// <summary>The request's head; null where it does not end. A client that closes before its end has none.</summary>
    private async Task<string?> ReadAsync(Socket client)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        patience.CancelAfter(HeadPatience);
        var head = new byte[LargestHead];
        for (var length = 0; length < head.Length;)
        {
            var more = await client.ReceiveAsync(head.AsMemory(length), patience.Token);
            if (more == 0)
                throw new OperationCanceledException();
            length += more;
            if (head.AsSpan(0, length).IndexOf("\r\n\r\n"u8) is >= 0 and var end)
                return Encoding.Latin1.GetString(head, 0, end);
        }

        return null;
    }

    private (HttpAnswer Answer, bool WithBody) Answer(string head)
    {
        var line = head.Split("\r\n", 2)[0].Split(' ');
        if (line is not [var method, ['/', ..] target, "HTTP/1.0" or "HTTP/1.1"])
            return (new HttpAnswer(400, HttpAnswer.PlainText, "400 Bad Request"), true);
        if (method is not ("GET" or "HEAD"))
            return (new HttpAnswer(405, HttpAnswer.PlainText, "Method Not Allowed\n") { Headers = [("Allow", "GET, HEAD")] }, true);
        return (_answer(target.Split('?', 2)[0]), method == "GET");
    }

    private static string Head(HttpAnswer answer)
    {
        var head = new StringBuilder($"HTTP/1.1 {answer.Status} {answer.Reason}\r\nContent-Type: {answer.ContentType}\r\n");
        head.Append("X-Content-Type-Options: nosniff\r\n");
        foreach (var (name, value) in answer.Headers)
            head.Append($"{name}: {value}\r\n");
        if (answer.Length is { } length)
            head.Append($"Content-Length: {length}\r\n");
        return head.Append($"Date: {DateTime.UtcNow:R}\r\nConnection: close\r\n\r\n").ToString();
    }

    private static async Task SendAsync(Socket client, ArrayBufferWriter<byte> buffer, CancellationToken cancel)
    {
        for (var sent = 0; sent < buffer.WrittenCount;)
            sent += await client.SendAsync(buffer.WrittenMemory[sent..], cancel);
        buffer.ResetWrittenCount();
    }
}
