using System.Net;

namespace Podnet.Netlink.Tests;

/// <summary>
/// The bytes that Debian's <c>ip</c> sends for the command above each golden, caught by
/// <c>strace -e trace=sendmsg -e write=all</c>. There, d0 has index 3.
/// </summary>
public sealed class RouteGoldenTests
{
    [Fact]
    public void Adding_an_IPv4_address() => Hex.AssertEqual(
        // ip address add 10.240.0.28/32 dev d0
        """
        28 00 00 00 14 00 05 06  78 02 04 6b 00 00 00 00
        02 20 00 00 03 00 00 00  08 00 02 00 0a f0 00 1c
        08 00 01 00 0a f0 00 1c
        """,
        new RouteRequests().AddAddress(new Address(3, IPAddress.Parse("10.240.0.28"), 32)).Batch.Bytes);

    [Fact]
    public void Adding_an_IPv6_address() => Hex.AssertEqual(
        // ip address add fd00::28/128 dev d0 nodad
        """
        40 00 00 00 14 00 05 06  78 02 04 6b 00 00 00 00
        0a 80 02 00 03 00 00 00  14 00 02 00 fd 00 00 00
        00 00 00 00 00 00 00 00  00 00 00 28 14 00 01 00
        fd 00 00 00 00 00 00 00  00 00 00 00 00 00 00 28
        """,
        new RouteRequests()
            .AddAddress(new Address(3, IPAddress.Parse("fd00::28"), 128) { Flags = AddressFlags.NoDuplicateDetection }).Batch.Bytes);

    [Fact]
    public void Adding_a_route_by_a_gateway() => Hex.AssertEqual(
        // ip route add 10.244.1.0/24 via 10.99.0.3 dev d0 proto 80 mtu 1400
        """
        40 00 00 00 18 00 05 06  78 02 04 6b 00 00 00 00
        02 18 00 00 fe 50 00 01  00 00 00 00 08 00 01 00
        0a f4 01 00 08 00 05 00  0a 63 00 03 08 00 04 00
        03 00 00 00 0c 00 08 00  08 00 02 00 78 05 00 00
        """,
        new RouteRequests().AddRoute(new Route(IPNetwork.Parse("10.244.1.0/24"))
        {
            Gateway = IPAddress.Parse("10.99.0.3"),
            Device = 3,
            Protocol = RouteProtocol.Podnet,
            Mtu = 1400,
        }).Batch.Bytes);

    [Fact]
    public void Adding_a_host_route() => Hex.AssertEqual(
        // ip route add 10.240.0.29/32 dev d0 proto 80
        """
        2c 00 00 00 18 00 05 06  78 02 04 6b 00 00 00 00
        02 20 00 00 fe 50 fd 01  00 00 00 00 08 00 01 00
        0a f0 00 1d 08 00 04 00  03 00 00 00
        """,
        new RouteRequests().AddRoute(new Route(IPNetwork.Parse("10.240.0.29/32"))
        {
            Device = 3,
            Protocol = RouteProtocol.Podnet,
            Scope = RouteScope.Link,
        }).Batch.Bytes);

    [Fact]
    public void Adding_a_permanent_neighbour() => Hex.AssertEqual(
        // ip neigh add 169.254.1.1 lladdr 0a:58:00:00:00:01 dev d0 nud permanent
        """
        30 00 00 00 1c 00 05 06  79 02 04 6b 00 00 00 00
        02 00 00 00 03 00 00 00  80 00 00 00 08 00 01 00
        a9 fe 01 01 0a 00 02 00  0a 58 00 00 00 01 00 00
        """,
        new RouteRequests()
            .AddNeighbour(new Neighbour(3, IPAddress.Parse("169.254.1.1"), MacAddress.Parse("0a:58:00:00:00:01"))).Batch.Bytes);

    [Fact]
    public void Creating_a_veth_pair() => Hex.AssertEqual(
        // ip -echo link add address 0a:58:00:00:00:01 up mtu 1400 name pn0 numtxqueues 1 numrxqueues 1
        //     type veth peer address 0a:58:00:00:00:02 mtu 1400 name eth0 numtxqueues 1 numrxqueues 1
        """
        a0 00 00 00 10 00 0d 06  ba 02 04 6b 00 00 00 00
        00 00 00 00 00 00 00 00  01 00 00 00 01 00 00 00
        0a 00 01 00 0a 58 00 00  00 01 00 00 08 00 04 00
        78 05 00 00 08 00 03 00  70 6e 30 00 08 00 1f 00
        01 00 00 00 08 00 20 00  01 00 00 00 54 00 12 00
        08 00 01 00 76 65 74 68  48 00 02 00 44 00 01 00
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        0a 00 01 00 0a 58 00 00  00 02 00 00 08 00 04 00
        78 05 00 00 09 00 03 00  65 74 68 30 00 00 00 00
        08 00 1f 00 01 00 00 00  08 00 20 00 01 00 00 00
        """,
        new RouteRequests().CreateVeth(new VethPair("pn0", "eth0")
        {
            Address = MacAddress.Parse("0a:58:00:00:00:01"),
            PeerAddress = MacAddress.Parse("0a:58:00:00:00:02"),
            Mtu = 1400,
            Up = true,
        }).Batch.Bytes);
}
