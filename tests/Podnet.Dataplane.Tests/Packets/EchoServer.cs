using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Trace;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Packets;

/// <summary>
/// Answers whoever comes with its own address and the client's as it sees it: "10.240.0.28:80 10.99.0.2". It belongs to the
/// namespace that it is made in.
/// </summary>
public sealed class EchoServer : IDisposable
{
    private readonly Socket _socket;
    private readonly PacketTarget _at;

    public EchoServer(Protocol protocol, PacketTarget at)
    {
        _at = at;
        _socket = NewSocket(protocol, at.Address);
        _socket.BindAgain(new IPEndPoint(at.Address, at.Port));
        if (protocol == Protocol.Tcp)
            _socket.Listen();
        _ = protocol == Protocol.Tcp ? AcceptAsync() : ReceiveAsync();
    }

    public static Socket NewSocket(Protocol protocol, IPAddress family) => protocol == Protocol.Tcp
        ? new Socket(family.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        : new Socket(family.AddressFamily, SocketType.Dgram, ProtocolType.Udp);

    public void Dispose() => _socket.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _socket.AcceptAsync();
                await client.SendAsync(Answer(client.RemoteEndPoint!));
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
        {
            // Disposed: that is the end.
        }
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[16];
        var anybody = new IPEndPoint(_at.Address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                var question = await _socket.ReceiveFromAsync(buffer, anybody);
                await _socket.SendToAsync(Answer(question.RemoteEndPoint), question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
        {
            // Disposed: that is the end.
        }
    }

    private byte[] Answer(EndPoint client) => Encoding.ASCII.GetBytes($"{_at} {AddressText.Of(((IPEndPoint)client).Address)}");
}
