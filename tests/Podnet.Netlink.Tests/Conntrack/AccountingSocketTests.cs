using System.Net;
using System.Net.Sockets;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

public sealed class AccountingSocketTests
{
    [Fact]
    public void A_counter_is_made_once_counts_what_a_rule_matches_and_is_busy_while_it_does()
    {
        using var kernel = new Kernel();
        using var socket = kernel.In(() => new AccountingSocket());

        Assert.True(socket.Ensure("ct_state_invalid_dropped_pkts"));
        Assert.False(socket.Ensure("ct_state_invalid_dropped_pkts"));
        kernel.Run("iptables", "-A", "OUTPUT", "-p", "udp", "-m", "nfacct", "--nfacct-name", "ct_state_invalid_dropped_pkts");
        kernel.In(() =>
        {
            using var client = new UdpClient();
            client.Send(new byte[10], new IPEndPoint(IPAddress.Loopback, 9));
            client.Send(new byte[10], new IPEndPoint(IPAddress.Loopback, 9));
        });

        var counter = Assert.Single(socket.List());
        Assert.Equal(new AccountingCounter("ct_state_invalid_dropped_pkts", 2, 76), counter); // 20 bytes IP, 8 UDP, 10 data, twice
        Assert.False(socket.Ensure(counter.Name));
        Assert.Equal(2ul, Assert.Single(socket.List()).Packets);
        Assert.Equal(Errno.Busy, Assert.Throws<KernelException>(() => socket.Delete(counter.Name)).Errno);
        kernel.Run("iptables", "-F");
        Assert.True(socket.Delete(counter.Name));
        Assert.False(socket.Delete(counter.Name));
        Assert.Empty(socket.List());
    }
}
