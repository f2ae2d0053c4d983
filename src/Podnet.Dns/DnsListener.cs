using System.Net;
using System.Net.Sockets;
using Podnet.Core.Dns;
using Podnet.Linux;

namespace Podnet.Dns;

/// <summary>The sockets of one address, UDP and TCP. They belong to the network namespace of the thread that opened them.</summary>
public sealed class DnsListener : IDisposable
{
    private DnsListener(DatagramServer udp, Socket tcp) => (Udp, Tcp) = (udp, tcp);

    public IPEndPoint Address => Udp.Address;

    internal DatagramServer Udp { get; }

    internal Socket Tcp { get; }

    /// <param name="address">An unspecified one is both families', where there are both.</param>
    /// <exception cref="IOException">The address cannot be had.</exception>
    public static DnsListener Open(IPEndPoint address)
    {
        if (address.Address.Equals(IPAddress.Any) && Socket.OSSupportsIPv6)
            address = new IPEndPoint(IPAddress.IPv6Any, address.Port);
        DatagramServer? udp = null;
        try
        {
            udp = DatagramServer.Open(address, UdpService.LargestQuery, DnsWire.LargestUdp);
            return new DnsListener(udp, Listen(new IPEndPoint(address.Address, udp.Address.Port)));
        }
        catch (SocketException e)
        {
            udp?.Dispose();
            throw new IOException($"cannot listen at {address}: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        Udp.Dispose();
        Tcp.Dispose();
    }

    private static Socket Listen(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = address.Address.Equals(IPAddress.IPv6Any);
            socket.Bind(address);
            socket.Listen();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
