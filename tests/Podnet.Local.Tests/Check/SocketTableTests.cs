using Podnet.Local.Check;

namespace Podnet.Local.Tests.Check;

public sealed class SocketTableTests
{
    // cat /proc/net/tcp, then tcp6, of an x86-64 machine
    private static readonly string[] Ipv4 =
    [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31870 1 0 100 0 0 10 0",
        "   1: 1C00F00A:1F90 3900F00A:C350 01 00000000:00000000 00:00000000 00000000     0        0 31872 1 0 20 4 30 10 -1",
        "   2: 1C00F00A:1F90 3900F00A:C351 03 00000000:00000000 01:00000064 00000000     0        0 0 2 0",
    ];

    private static readonly string[] Ipv6 =
    [
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when",
        "   0: 0000000000000000FFFF00001C00F00A:0050 0000000000000000FFFF00003900F00A:C350 01 00000000:00000000 00:00000000",
    ];

    [Fact]
    public void Established_connections_are_read_and_listening_or_half_open_sockets_are_not() =>
        Assert.Equal(["10.240.0.28:8080 10.240.0.57:50000"], SocketTable.Parse(Ipv4).Select(c => $"{c.Local} {c.Peer}"));

    [Fact]
    public void An_ipv4_connection_of_an_ipv6_socket_is_an_ipv4_connection() =>
        Assert.Equal(["10.240.0.28:80 10.240.0.57:50000"], SocketTable.Parse(Ipv6).Select(c => $"{c.Local} {c.Peer}"));
}
