using System.Net;
using System.Net.Sockets;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.FastPath;

/// <summary>A TCP connection from pod to pod, both ends here.</summary>
internal sealed record Connection(Socket Client, Socket Server) : IDisposable
{
    private const ushort Port = 8080;
    private const int Patience = 10_000; // ms

    /// <param name="through">What the client connects to, where that is not the server itself.</param>
    public static Connection Open(Kernel client, Kernel server, string address, string? through = null)
    {
        using var listener = server.In(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.BindAgain(new IPEndPoint(IPAddress.Parse(address), Port));
        listener.Listen();
        var connected = client.In(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        connected.ReceiveTimeout = Patience;
        connected.Connect(IPAddress.Parse(through ?? address), Port);
        var accepted = listener.Accept();
        accepted.ReceiveTimeout = Patience;
        return new Connection(connected, accepted);
    }

    /// <summary>So many bytes of chance, from client to server, and looks whether the same arrive.</summary>
    public void Send(int length) => Send(Client, Server, length);

    public void SendBack(int length) => Send(Server, Client, length);

    /// <summary>From both sides, in order.</summary>
    public void Close()
    {
        foreach (var (first, second) in ((Socket, Socket)[])[(Client, Server), (Server, Client)])
        {
            first.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, second.Receive(new byte[1]));
        }
    }

    /// <summary>By a reset, and looks whether it arrives.</summary>
    public void Abort()
    {
        Client.LingerState = new LingerOption(true, 0);
        Client.Dispose();
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => Server.Receive(new byte[1])).SocketErrorCode);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private static void Send(Socket from, Socket to, int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        var sending = Task.Run(() =>
        {
            for (var sent = 0; sent < length;)
                sent += from.Send(bytes.AsSpan(sent));
        });
        var received = new byte[length];
        for (var at = 0; at < length;)
            at += to.Receive(received.AsSpan(at)) is > 0 and var count ? count : throw new EndOfStreamException($"the connection ended after {at} bytes");
        sending.GetAwaiter().GetResult();
        Assert.True(received.AsSpan().SequenceEqual(bytes), "other bytes arrived than were sent");
    }
}
