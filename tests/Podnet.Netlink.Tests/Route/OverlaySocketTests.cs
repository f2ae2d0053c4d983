using System.Net;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>VXLAN devices, what leads into them, and rules: what was written is what <c>ip</c> shows, and reads back equal.</summary>
public sealed class OverlaySocketTests : IDisposable
{
    private static readonly MacAddress Own = MacAddress.Parse("0a:01:02:03:04:05");
    private static readonly Vxlan External = new(4789) { External = true };

    private readonly Kernel _here = new();
    private readonly RouteSocket _socket;

    public OverlaySocketTests() => _socket = RouteSocket.OpenIn(_here.Namespace);

    public void Dispose()
    {
        _socket.Dispose();
        _here.Dispose();
    }

    public static TheoryData<bool, string?> Kinds => new() { { true, null }, { false, "10.99.0.2" }, { false, "fd00:99::2" } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_VXLAN_device_reads_back_as_it_was_asked_for(bool external, string? local)
    {
        var settings = new Vxlan(4789) { External = external, Id = external ? 0u : 1u, Local = local is null ? null : IPAddress.Parse(local) };

        _socket.Execute(new RouteRequests().CreateVxlan(new VxlanDevice("pn-vxlan", Own, 1430, settings)));

        var link = _socket.GetLink("pn-vxlan");
        Assert.Equal(("vxlan", 1430, Own, true, settings), (link.Kind, link.Mtu, link.Address!.Value, link.IsUp, link.Vxlan));
        Assert.Contains(
            external ? "vxlan external" : $"vxlan id 1 local {local}", _here.Run("ip", "-d", "link", "show", "pn-vxlan"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.240.0.32/27", "10.240.0.32", "10.99.0.3", "10.240.0.32/27  encap ip id 1 src 0.0.0.0 dst 10.99.0.3 ttl 0 tos 0 via 10.240.0.32 dev pn-vxlan proto 80 onlink")]
    [InlineData("10.240.0.32/27", "10.240.0.32", "fd00:99::3", "10.240.0.32/27  encap ip6 id 1 src :: dst fd00:99::3 hoplimit 0 tc 0 csum via 10.240.0.32 dev pn-vxlan proto 80 onlink")]
    [InlineData("fd00:240::/64", "fd00:240::", "10.99.0.3", "fd00:240::/64  encap ip id 1 src 0.0.0.0 dst 10.99.0.3 ttl 0 tos 0 via fd00:240:: dev pn-vxlan proto 80 metric 1024 onlink pref medium")]
    [InlineData("fd00:240::/64", "fd00:240::", "fd00:99::3", "fd00:240::/64  encap ip6 id 1 src :: dst fd00:99::3 hoplimit 0 tc 0 csum via fd00:240:: dev pn-vxlan proto 80 metric 1024 onlink pref medium")]
    public void A_route_into_it_is_what_ip_shows_and_reads_back_equal(string destination, string gateway, string host, string shown)
    {
        _socket.Execute(new RouteRequests().CreateVxlan(new VxlanDevice("pn-vxlan", Own, 1450, External)));
        var route = new Route(IPNetwork.Parse(destination))
        {
            Device = _socket.GetLink("pn-vxlan").Index,
            Gateway = IPAddress.Parse(gateway),
            OnLink = true,
            Protocol = RouteProtocol.Podnet,
            Metric = destination.Contains(':', StringComparison.Ordinal) ? 1024u : 0,
            Encapsulation = new Encapsulation(1, IPAddress.Parse(host)),
        };

        _socket.Execute(new RouteRequests().AddRoute(route));

        var family = destination.Contains(':', StringComparison.Ordinal) ? "-6" : "-4";
        Assert.Contains(shown, _here.Run("ip", family, "route", "show"), StringComparison.Ordinal);
        Assert.Equal(route, Assert.Single(_socket.Routes(RouteProtocol.Podnet)));
        _socket.Execute(new RouteRequests().DeleteRoute(route));
        Assert.Empty(_socket.Routes(RouteProtocol.Podnet));
    }

    [Fact]
    public void Forwarding_entries_are_added_listed_and_deleted()
    {
        _socket.Execute(new RouteRequests().CreateVxlan(
            new VxlanDevice("pn-vxlan", Own, 1450, new Vxlan(4789) { Id = 1, Local = IPAddress.Parse("10.99.0.2") })));
        var entry = new ForwardingEntry(_socket.GetLink("pn-vxlan").Index, MacAddress.Parse("0a:01:02:03:04:06"), IPAddress.Parse("10.99.0.3"));

        _socket.Execute(new RouteRequests().ReplaceForwardingEntry(entry));

        Assert.Equal("0a:01:02:03:04:06 dst 10.99.0.3 self permanent", _here.Run("bridge", "fdb", "show", "dev", "pn-vxlan").Trim());
        Assert.Equal(entry, Assert.Single(_socket.ForwardingEntries(entry.Device)));
        _socket.Execute(new RouteRequests().DeleteForwardingEntry(entry));
        Assert.Empty(_socket.ForwardingEntries(entry.Device));
    }

    [Theory]
    [InlineData("10.240.0.0/27", "-4")]
    [InlineData("fd00:240::/64", "-6")]
    public void Rules_are_added_listed_and_deleted(string source, string family)
    {
        var rule = new PolicyRule(IPNetwork.Parse(source), 80, 8000);

        _socket.Execute(new RouteRequests().AddRule(rule));

        Assert.Contains($"8000:\tfrom {source} lookup 80 proto 80", _here.Run("ip", family, "rule", "show"), StringComparison.Ordinal);
        Assert.Equal(rule, Assert.Single(_socket.Rules(), r => r.Protocol == RouteProtocol.Podnet));
        _socket.Execute(new RouteRequests().DeleteRule(rule));
        Assert.DoesNotContain(_socket.Rules(), r => r.Protocol == RouteProtocol.Podnet);
    }

    [Fact]
    public void A_second_device_for_the_port_and_all_identifiers_is_refused()
    {
        _socket.Execute(new RouteRequests().CreateVxlan(new VxlanDevice("pn-vxlan", Own, 1450, External)));

        var failure = Assert.Throws<KernelException>(
            () => _socket.Execute(new RouteRequests().CreateVxlan(new VxlanDevice("other", Own, 1450, External))));

        Assert.Equal(Errno.Exists, failure.Errno);
    }
}
