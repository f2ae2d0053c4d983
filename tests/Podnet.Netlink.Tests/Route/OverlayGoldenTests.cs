using System.Net;

namespace Podnet.Netlink.Tests;

/// <summary>As in <see cref="RouteGoldenTests"/>: what <c>ip</c> and <c>bridge</c> send for the command above each golden.</summary>
public sealed class OverlayGoldenTests
{
    private static readonly MacAddress Own = MacAddress.Parse("0a:01:02:03:04:05");

    [Fact]
    public void Creating_a_VXLAN_device_that_goes_by_routes() => Hex.AssertEqual(
        // ip link add pn-vxlan address 0a:01:02:03:04:05 mtu 1450 up type vxlan external dstport 4789
        """
        70 00 00 00 10 00 05 06  91 37 04 6b 00 00 00 00
        00 00 00 00 00 00 00 00  01 00 00 00 01 00 00 00
        0a 00 01 00 0a 01 02 03  04 05 00 00 08 00 04 00
        aa 05 00 00 0d 00 03 00  70 6e 2d 76 78 6c 61 6e
        00 00 00 00 2c 00 12 00  09 00 01 00 76 78 6c 61
        6e 00 00 00 1c 00 02 00  05 00 19 00 01 00 00 00
        05 00 07 00 00 00 00 00  06 00 0f 00 12 b5 00 00
        """,
        new RouteRequests().CreateVxlan(new VxlanDevice("pn-vxlan", Own, 1450, new Vxlan(4789) { External = true })).Batch.Bytes);

    [Fact]
    public void Creating_a_VXLAN_device_that_goes_by_forwarding_entries() => Hex.AssertEqual(
        // ip link add pn-vxlan address 0a:01:02:03:04:05 mtu 1450 up type vxlan id 1 local 10.99.0.2 dstport 4789 nolearning
        """
        78 00 00 00 10 00 05 06  92 37 04 6b 00 00 00 00
        00 00 00 00 00 00 00 00  01 00 00 00 01 00 00 00
        0a 00 01 00 0a 01 02 03  04 05 00 00 08 00 04 00
        aa 05 00 00 0d 00 03 00  70 6e 2d 76 78 6c 61 6e
        00 00 00 00 34 00 12 00  09 00 01 00 76 78 6c 61
        6e 00 00 00 24 00 02 00  08 00 01 00 01 00 00 00
        08 00 04 00 0a 63 00 02  05 00 07 00 00 00 00 00
        06 00 0f 00 12 b5 00 00
        """,
        new RouteRequests().CreateVxlan(
            new VxlanDevice("pn-vxlan", Own, 1450, new Vxlan(4789) { Id = 1, Local = IPAddress.Parse("10.99.0.2") })).Batch.Bytes);

    [Fact]
    public void Adding_a_route_that_wraps_packets_in_IPv4() => Hex.AssertEqual(
        // ip route add 10.240.0.32/27 encap ip id 1 dst 10.99.0.3 via 10.240.0.32 dev pn-vxlan proto 80 onlink
        // (but for the padding behind the kind of encapsulation, which ip leaves to chance)
        """
        54 00 00 00 18 00 05 06  91 37 04 6b 00 00 00 00
        02 1b 00 00 fe 50 00 01  04 00 00 00 08 00 01 00
        0a f0 00 20 18 00 16 80  0c 00 01 00 00 00 00 00
        00 00 00 01 08 00 02 00  0a 63 00 03 06 00 15 00
        02 00 00 00 08 00 05 00  0a f0 00 20 08 00 04 00
        04 00 00 00
        """,
        new RouteRequests().AddRoute(Overlay("10.240.0.32/27", "10.240.0.32", "10.99.0.3")).Batch.Bytes);

    [Fact]
    public void Adding_a_route_that_wraps_packets_in_IPv6() => Hex.AssertEqual(
        // ip route add fd00:240:0:2::/64 encap ip6 id 1 dst fd00:99::3 csum via fd00:240:0:2:: dev pn-vxlan proto 80 onlink
        """
        80 00 00 00 18 00 05 06  91 37 04 6b 00 00 00 00
        0a 40 00 00 fe 50 00 01  04 00 00 00 14 00 01 00
        fd 00 02 40 00 00 00 02  00 00 00 00 00 00 00 00
        2c 00 16 80 0c 00 01 00  00 00 00 00 00 00 00 01
        14 00 02 00 fd 00 00 99  00 00 00 00 00 00 00 00
        00 00 00 03 06 00 06 00  00 01 00 00 06 00 15 00
        04 00 00 00 14 00 05 00  fd 00 02 40 00 00 00 02
        00 00 00 00 00 00 00 00  08 00 04 00 04 00 00 00
        """,
        new RouteRequests().AddRoute(Overlay("fd00:240:0:2::/64", "fd00:240:0:2::", "fd00:99::3")).Batch.Bytes);

    [Fact]
    public void Adding_a_rule() => Hex.AssertEqual(
        // ip rule add from 10.240.0.0/27 lookup 80 pref 8000 proto 80
        """
        34 00 00 00 20 00 05 06  91 37 04 6b 00 00 00 00
        02 00 1b 00 50 00 00 01  00 00 00 00 08 00 02 00
        0a f0 00 00 08 00 06 00  40 1f 00 00 05 00 15 00
        50 00 00 00
        """,
        new RouteRequests().AddRule(new PolicyRule(IPNetwork.Parse("10.240.0.0/27"), 80, 8000)).Batch.Bytes);

    [Fact]
    public void Replacing_a_forwarding_entry() => Hex.AssertEqual(
        // bridge fdb replace 0a:01:02:03:04:06 dev pn-vxlan dst 10.99.0.3 self permanent     (its index is 5)
        """
        30 00 00 00 1c 00 05 05  93 37 04 6b 00 00 00 00
        07 00 00 00 05 00 00 00  c0 00 02 00 0a 00 02 00
        0a 01 02 03 04 06 00 00  08 00 01 00 0a 63 00 03
        """,
        new RouteRequests().ReplaceForwardingEntry(
            new ForwardingEntry(5, MacAddress.Parse("0a:01:02:03:04:06"), IPAddress.Parse("10.99.0.3"))).Batch.Bytes);

    private static Route Overlay(string destination, string gateway, string host) => new(IPNetwork.Parse(destination))
    {
        Device = 4,
        Gateway = IPAddress.Parse(gateway),
        OnLink = true,
        Protocol = RouteProtocol.Podnet,
        Encapsulation = new Encapsulation(1, IPAddress.Parse(host)),
    };
}
