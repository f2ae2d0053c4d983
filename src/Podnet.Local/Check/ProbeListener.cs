using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.Local.Check;

/// <summary>
/// The server of direct connections, in a place's namespace, bound to the very address that the place is known by. Each client
/// sends 8 bytes that name its probe, so that a connection is recognized whatever address it seems to come from.
/// </summary>
internal sealed class ProbeListener : IDisposable
{
    private const int Backlog = 1024; // arbitrary: more than ever connect at once
    private readonly Socket _socket;
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<IPAddress>> _expected = new();

    private ProbeListener(Socket socket) => _socket = socket;

    internal IPEndPoint Address => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Errors: SocketException AddressNotAvailable where no interface of the namespace has the address.</summary>
    internal static ProbeListener Open(NetworkNamespace @namespace, IPAddress address)
    {
        var socket = @namespace.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
            socket.Listen(Backlog);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var listener = new ProbeListener(socket);
        _ = listener.AcceptAsync();
        return listener;
    }

    /// <summary>Completes with the address that the connection came from, as this end sees it.</summary>
    internal Task<IPAddress> Expect(ulong token) =>
        _expected.GetOrAdd(token, _ => new TaskCompletionSource<IPAddress>(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Dispose() => _socket.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ReadAsync(await _socket.AcceptAsync());
        }
        catch (SocketException) when (_socket.SafeHandle.IsClosed)
        {
            // disposed while it waited
        }
        catch (ObjectDisposedException)
        {
            // disposed
        }
    }

    private async Task ReadAsync(Socket client)
    {
        using (client)
        {
            try
            {
                var token = new byte[sizeof(ulong)];
                await using var stream = new NetworkStream(client);
                await stream.ReadExactlyAsync(token);
                if (_expected.TryRemove(BinaryPrimitives.ReadUInt64BigEndian(token), out var waiting))
                    waiting.TrySetResult(((IPEndPoint)client.RemoteEndPoint!).Address);
            }
            catch (IOException)
            {
                // A client that gave up; its probe says so itself.
            }
        }
    }
}
