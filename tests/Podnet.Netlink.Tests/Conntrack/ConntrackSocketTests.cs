using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

public sealed class ConntrackSocketTests : IDisposable
{
    private readonly Kernel _kernel = new();
    private readonly ConntrackSocket _socket;

    public ConntrackSocketTests()
    {
        _socket = _kernel.In(() => new ConntrackSocket());
        _kernel.Run("iptables", "-t", "nat", "-A", "OUTPUT", "-d", "10.0.33.45", "-p", "udp", "--dport", "53",
            "-j", "DNAT", "--to-destination", "127.0.0.1:5353");
        _kernel.Run("iptables", "-t", "mangle", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "CONNMARK", "--set-mark", "7");
        _kernel.Run("ip", "address", "add", "10.99.0.2/32", "dev", "lo");
        _kernel.Run("ip", "route", "add", "10.0.33.45/32", "dev", "lo", "src", "10.99.0.2");
    }

    public void Dispose()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Fact]
    public void A_translated_connection_is_found_by_its_original_tuple()
    {
        var tuple = SendDatagram();

        var entry = _socket.Find(tuple);

        Assert.NotNull(entry);
        Assert.Equal(tuple, entry.Original);
        Assert.Equal(("127.0.0.1", 5353), (entry.Reply.Source.ToString(), entry.Reply.SourcePort));
        Assert.Equal(7u, entry.Mark);
        Assert.Equal(ConntrackStatus.DestinationNat | ConntrackStatus.Confirmed, entry.Status & ~ConntrackStatus.SeenReply & ~(ConntrackStatus)0x180);
        Assert.InRange(entry.Timeout, 1u, 200u);
    }

    [Fact]
    public void A_tuple_that_nobody_has_is_null() =>
        Assert.Null(_socket.Find(new FlowTuple(6, IPAddress.Parse("10.1.1.1"), IPAddress.Parse("10.1.1.2"), 1, 2)));

    [Fact]
    public void A_dump_has_what_the_filter_wants_and_deleting_takes_only_that()
    {
        var (first, second) = (SendDatagram(), SendDatagram());

        var wanted = _socket.Dump(e => e.Original.SourcePort == first.SourcePort);

        Assert.Equal([first], wanted.Select(e => e.Original));
        Assert.Equal(0, _socket.Delete([wanted[0] with { Id = wanted[0].Id + 1 }]));
        Assert.Equal(1, _socket.Delete(wanted));
        Assert.Equal(0, _socket.Delete(wanted));
        Assert.Null(_socket.Find(first));
        Assert.NotNull(_socket.Find(second));
    }

    [Fact]
    public void The_kernel_leaves_out_what_the_filter_does_not_want()
    {
        var datagram = SendDatagram();
        _kernel.Run("ip6tables", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW");
        _kernel.In(() =>
        {
            using var ping = new Ping();
            Assert.Equal(IPStatus.Success, ping.Send(IPAddress.Loopback, 5000).Status);
            Assert.Equal(IPStatus.Success, ping.Send(IPAddress.IPv6Loopback, 5000).Status);
        });
        byte[] Protocols(ConntrackFilter? filter)
        {
            var seen = new List<byte>(); // by the predicate, that is, sent by the kernel
            _socket.Dump(entry => { seen.Add(entry.Original.Protocol); return false; }, filter);
            return [.. seen.Order()];
        }

        Assert.Equal([1, 17, 58], Protocols(null));
        Assert.Equal([17], Protocols(new ConntrackFilter { Protocol = 17 }));
        Assert.Equal([58], Protocols(new ConntrackFilter { Family = ConntrackFamily.IPv6 }));
        Assert.Equal([1, 17], Protocols(new ConntrackFilter { Family = ConntrackFamily.IPv4 }));
        Assert.Equal([17], Protocols(new ConntrackFilter { Status = ConntrackStatus.DestinationNat }));
        Assert.Empty(Protocols(new ConntrackFilter { Family = ConntrackFamily.IPv6, Protocol = datagram.Protocol }));
    }

    [Theory]
    [InlineData("127.0.0.1", 1, 8)]
    [InlineData("::1", 58, 128)]
    public void A_ping_is_known_by_its_identifier(string ip, byte protocol, byte type)
    {
        _kernel.Run("ip6tables", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW");
        var address = IPAddress.Parse(ip);
        _kernel.In(() =>
        {
            using var ping = new Ping();
            Assert.Equal(IPStatus.Success, ping.Send(address, 5000).Status);
        });

        var entry = Assert.Single(_socket.Dump(e => e.Original.Protocol == protocol));

        Assert.Equal((type, (byte)0), (entry.Original.Icmp!.Value.Type, entry.Original.Icmp.Value.Code));
        Assert.NotEqual(0, entry.Original.Icmp.Value.Identifier);
        Assert.Equal(entry.Original, _socket.Find(entry.Original)?.Original);
    }

    private FlowTuple SendDatagram() => _kernel.In(() =>
    {
        using var client = new Socket(System.Net.Sockets.AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        client.Bind(new IPEndPoint(IPAddress.Parse("10.99.0.2"), 0));
        client.SendTo(new byte[1], new IPEndPoint(IPAddress.Parse("10.0.33.45"), 53));
        var local = (IPEndPoint)client.LocalEndPoint!;
        return new FlowTuple(17, local.Address, IPAddress.Parse("10.0.33.45"), (ushort)local.Port, 53);
    });
}
