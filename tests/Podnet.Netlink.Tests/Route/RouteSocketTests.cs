using System.Net;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Netlink.Tests;

/// <summary>Against a real kernel: what was made over netlink is what Debian's <c>ip</c> shows, and the other way round.</summary>
public sealed class RouteSocketTests : IDisposable
{
    private readonly Kernel _here = new();
    private readonly Kernel _there = new();
    private readonly RouteSocket _socket;

    public RouteSocketTests() => _socket = RouteSocket.OpenIn(_here.Namespace);

    public void Dispose()
    {
        _socket.Dispose();
        _here.Dispose();
        _there.Dispose();
    }

    [Fact]
    public void A_veth_pair_spans_two_namespaces_with_all_that_was_asked_for()
    {
        var made = _socket.CreateVeth(new VethPair("pn0123456789", "eth0")
        {
            Address = MacAddress.Parse("0a:58:00:00:00:01"),
            PeerAddress = MacAddress.Parse("0a:58:00:00:00:02"),
            Mtu = 1400,
            PeerNamespace = _there.Namespace,
            Up = true,
        });
        _socket.Execute(new RouteRequests().SetAlias(made.Index, "default/nginx-0"));

        using var there = RouteSocket.OpenIn(_there.Namespace);
        var near = _socket.GetLink("pn0123456789");
        var far = there.GetLink("eth0");
        Assert.Equal(("veth", 1400, "default/nginx-0", true), (near.Kind, near.Mtu, near.Alias, near.IsUp));
        Assert.Equal(("veth", 1400, null, false), (far.Kind, far.Mtu, far.Alias, far.IsUp));
        Assert.Equal((far.Index, near.Index), (near.PeerIndex, far.PeerIndex));
        Assert.Equal((near.Index, near.Name, near.PeerIndex, near.Mtu), (made.Index, made.Name, made.PeerIndex, made.Mtu));
        Assert.NotNull(near.PeerNamespaceId);
        var shown = _here.Run("ip", "-d", "link", "show", "pn0123456789");
        Assert.Contains("mtu 1400", shown, StringComparison.Ordinal);
        Assert.Contains("link/ether 0a:58:00:00:00:01", shown, StringComparison.Ordinal);
        Assert.Contains("alias default/nginx-0", shown, StringComparison.Ordinal);
        Assert.Contains("numtxqueues 1 numrxqueues 1 ", shown, StringComparison.Ordinal);
        var shownThere = _there.Run("ip", "-d", "link", "show", "eth0");
        Assert.Contains("link/ether 0a:58:00:00:00:02", shownThere, StringComparison.Ordinal);
        Assert.Contains("numtxqueues 1 numrxqueues 1 ", shownThere, StringComparison.Ordinal);
    }

    [Fact]
    public void A_taken_name_is_EEXIST_and_makes_nothing()
    {
        _here.Run("ip", "link", "add", "taken", "type", "bridge");

        var failure = Assert.Throws<KernelException>(() => _socket.CreateVeth(new VethPair("free", "taken")));

        Assert.Equal(Errno.Exists, failure.Errno);
        Assert.Null(_socket.FindLink("free"));
    }

    [Fact]
    public void Links_are_changed_moved_and_deleted()
    {
        _socket.Execute(new RouteRequests().CreateBridge("br0", MacAddress.Parse("0a:00:00:00:00:01"), up: true).CreateVeth(new VethPair("a", "b")));
        var (bridge, a, b) = (_socket.GetLink("br0"), _socket.GetLink("a"), _socket.GetLink("b"));
        Assert.Equal("bridge", bridge.Kind);

        _socket.Execute(new RouteRequests().SetMaster(a.Index, bridge.Index).SetMtu(a.Index, 1300).SetAlias(a.Index, "x").SetUp(a.Index)
            .Rename(b.Index, "c").MoveTo(b.Index, _there.Namespace));

        Assert.Equal(
            (bridge.Index, 1300, "x", true),
            _socket.GetLink("a") is var link ? (link.Master, link.Mtu, link.Alias, link.IsUp) : default);
        Assert.Contains("c@", _there.Run("ip", "link", "show", "c"), StringComparison.Ordinal);
        _socket.Execute(new RouteRequests().SetMaster(a.Index, 0).SetDown(a.Index));
        Assert.Equal((0, false), _socket.GetLink("a") is var free ? (free.Master, free.IsUp) : default);
        _socket.Execute(new RouteRequests().DeleteLink("a").DeleteLink(bridge.Index));
        Assert.Equal(["lo"], _socket.Links().Select(l => l.Name));
    }

    [Theory]
    [InlineData(1_000_000, 32_768, 65_536, "rate 8Mbit burst 32Kb")]
    [InlineData(256, 1_514, 31_794, "rate 2048bit burst 1513b")] // kept as a time
    [InlineData(5_000_000_000, 5_000_000, 50_000_000, "rate 40Gbit burst 4995000b")]
    public void A_rate_is_what_tc_shows_and_reads_back(ulong rate, uint burst, uint limit, string shown)
    {
        _here.Run("ip", "link", "add", "d0", "mtu", "1500", "type", "veth", "peer", "name", "d1");
        var device = _socket.GetLink("d0").Index;
        Assert.Null(_socket.FindTokenBucket(device));

        _socket.Execute(new RouteRequests().AddTokenBucket(device, new TokenBucket(rate, burst, limit)));

        var text = _here.Run("tc", "qdisc", "show", "dev", "d0");
        Assert.StartsWith("qdisc tbf ", text, StringComparison.Ordinal);
        Assert.Contains(shown, text, StringComparison.Ordinal);
        var read = _socket.FindTokenBucket(device)!;
        Assert.Equal((rate, limit), (read.Rate, read.Limit));
        Assert.InRange(read.Burst, burst * 0.99, burst * 1.01);
        Assert.Equal(
            Errno.Exists,
            Assert.Throws<KernelException>(() => _socket.Execute(new RouteRequests().AddTokenBucket(device, new TokenBucket(rate, burst, limit)))).Errno);
    }

    [Theory]
    [InlineData("10.240.0.28", 32)]
    [InlineData("fd00:10:240::28", 128)]
    public void Addresses_are_added_listed_and_deleted(string ip, int length)
    {
        var address = new Address(AddDevice("d0"), IPAddress.Parse(ip), length) { Flags = AddressFlags.NoDuplicateDetection };

        _socket.Execute(new RouteRequests().AddAddress(address));

        Assert.Contains($"{ip}/{length} scope global", _here.Run("ip", "address", "show", "d0"), StringComparison.Ordinal);
        var listed = Assert.Single(_socket.Addresses(address.Device), a => a.Ip.Equals(address.Ip));
        Assert.Equal(length, listed.PrefixLength);
        Assert.False(listed.Flags.HasFlag(AddressFlags.Tentative));
        _socket.Execute(new RouteRequests().DeleteAddress(address));
        Assert.DoesNotContain(_socket.Addresses(), a => a.Ip.Equals(address.Ip));
    }

    public static TheoryData<string, string> RoutesAsIpShowsThem => new()
    {
        { "10.240.0.28/32|||Link|0|0|254", "10.240.0.28 dev d0 scope link" },
        { "10.244.1.0/24|10.99.0.3|10.99.0.2|Universe|1400|7|254", "10.244.1.0/24 via 10.99.0.3 dev d0 src 10.99.0.2 metric 7 mtu 1400" },
        { "0.0.0.0/0|169.254.1.1 onlink||Universe|0|0|254", "default via 169.254.1.1 dev d0 onlink" },
        { "10.244.2.0/24|10.99.0.3||Universe|0|0|1000", "10.244.2.0/24 via 10.99.0.3 dev d0 table 1000" },
        { "fd00:244:1::/64|fd00:99::3||Universe|0|1024|254", "fd00:244:1::/64 via fd00:99::3 dev d0 metric 1024 pref medium" },
    };

    [Theory]
    [MemberData(nameof(RoutesAsIpShowsThem))]
    public void A_route_is_what_ip_shows_and_reads_back_equal(string wanted, string shown)
    {
        var device = AddDevice("d0");
        _here.Run("ip", "address", "add", "10.99.0.2/24", "dev", "d0");
        _here.Run("ip", "address", "add", "fd00:99::2/64", "dev", "d0", "nodad");
        var route = ParseRoute(wanted, device);

        _socket.Execute(new RouteRequests().AddRoute(route));

        var family = route.Destination.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? "-4" : "-6";
        Assert.Equal(shown, _here.Run("ip", family, "route", "show", "table", "all", "proto", "80").Trim().Replace("  ", " "));
        Assert.Equal([route], _socket.Routes(RouteProtocol.Podnet));
        _socket.Execute(new RouteRequests().ReplaceRoute(route).DeleteRoute(route));
        Assert.Empty(_socket.Routes(RouteProtocol.Podnet));
        Assert.Equal(Errno.NoProcess, Assert.Throws<KernelException>(() => _socket.Execute(new RouteRequests().DeleteRoute(route))).Errno);
    }

    [Fact]
    public void One_bad_route_among_a_thousand_is_reported_alone()
    {
        var device = AddDevice("d0");
        var requests = new RouteRequests();
        for (var i = 0; i < 1000; i++)
        {
            var route = new Route(new IPNetwork(new IPAddress([10, 1, (byte)(i / 256), (byte)i]), 32)) { Device = device, Scope = RouteScope.Link };
            requests.AddRoute(i == 500 ? route with { Gateway = IPAddress.Parse("192.0.2.1"), Scope = RouteScope.Universe } : route);
        }

        var failures = _socket.ExecuteEach(requests);

        var failure = Assert.Single(failures, f => f is not null);
        Assert.Same(failures[500], failure);
        Assert.Equal(Errno.NetworkUnreachable, failure!.Errno);
        Assert.Equal("add route 10.1.1.244/32 via 192.0.2.1", failure.Operation);
        Assert.Equal("Nexthop has invalid gateway", failure.Detail);
        Assert.Equal(999, _socket.Routes(RouteProtocol.Static).Count);
    }

    [Fact]
    public void A_lookup_is_the_kernels_own()
    {
        AddDevice("d0");
        _here.Run("ip", "address", "add", "10.99.0.2/24", "dev", "d0");
        _here.Run("ip", "route", "add", "10.244.1.0/24", "via", "10.99.0.3");
        _here.Run("ip", "rule", "add", "fwmark", "0x4000", "table", "100");
        _here.Run("ip", "route", "add", "10.244.1.0/24", "via", "10.99.0.4", "table", "100");

        var route = _socket.Lookup(IPAddress.Parse("10.244.1.7"));
        Assert.Equal(("10.99.0.3", "10.99.0.2"), (route.Gateway!.ToString(), route.PreferredSource!.ToString()));
        Assert.Equal(_socket.GetLink("d0").Index, route.Device);
        Assert.Equal("10.99.0.4", _socket.Lookup(IPAddress.Parse("10.244.1.7"), mark: 0x4000).Gateway!.ToString());
        Assert.Equal(RouteType.Local, _socket.Lookup(IPAddress.Parse("10.99.0.2")).Type);
        Assert.Equal(
            Errno.NetworkUnreachable,
            Assert.Throws<KernelException>(() => _socket.Lookup(IPAddress.Parse("192.0.2.1"))).Errno);
    }

    [Fact]
    public void A_lookup_for_a_forwarded_packet_takes_the_input_device()
    {
        var device = AddDevice("d0");
        AddDevice("pod");
        _here.Run("ip", "address", "add", "10.99.0.2/24", "dev", "d0");
        _here.Run("ip", "route", "add", "10.240.0.28", "dev", "pod");
        _here.Run("sysctl", "-qw", "net.ipv4.ip_forward=1");

        var route = _socket.Lookup(IPAddress.Parse("10.99.0.9"), IPAddress.Parse("10.240.0.28"), inputDevice: _socket.GetLink("pod").Index);

        Assert.Equal(device, route.Device);
    }

    [Theory]
    [InlineData("169.254.1.1")]
    [InlineData("fe80::1")]
    public void Permanent_neighbours_are_added_replaced_listed_and_deleted(string ip)
    {
        var device = AddDevice("d0");
        var neighbour = new Neighbour(device, IPAddress.Parse(ip), MacAddress.Parse("0a:58:00:00:00:01"));
        var other = neighbour with { LinkAddress = MacAddress.Parse("0a:58:00:00:00:02") };

        _socket.Execute(new RouteRequests().AddNeighbour(neighbour).ReplaceNeighbour(other));

        Assert.Equal($"{ip} dev d0 lladdr 0a:58:00:00:00:02 PERMANENT", _here.Run("ip", "neighbour", "show", "to", ip).Trim());
        Assert.Equal(other, Assert.Single(_socket.Neighbours(device), n => n.Ip.Equals(neighbour.Ip)));
        _socket.Execute(new RouteRequests().DeleteNeighbour(other));
        Assert.DoesNotContain(_socket.Neighbours(), n => n.Ip.Equals(neighbour.Ip));
    }

    [Fact]
    public void A_link_that_is_not_there_is_null_or_ENODEV()
    {
        Assert.Null(_socket.FindLink("nothing"));
        Assert.Equal(Errno.NoDevice, Assert.Throws<KernelException>(() => _socket.GetLink("nothing")).Errno);
    }

    private int AddDevice(string name)
    {
        _here.Run("ip", "link", "add", name, "up", "type", "veth", "peer", "name", name + "-peer");
        _here.Run("ip", "link", "set", name + "-peer", "up");
        return _socket.GetLink(name).Index;
    }

    // destination|gateway [onlink]|source|scope|mtu|metric|table
    private static Route ParseRoute(string text, int device)
    {
        var parts = text.Split('|');
        var gateway = parts[1].Split(' ');
        return new Route(IPNetwork.Parse(parts[0]))
        {
            Device = device,
            Gateway = gateway[0].Length == 0 ? null : IPAddress.Parse(gateway[0]),
            OnLink = gateway.Length > 1,
            PreferredSource = parts[2].Length == 0 ? null : IPAddress.Parse(parts[2]),
            Scope = Enum.Parse<RouteScope>(parts[3]),
            Mtu = uint.Parse(parts[4]),
            Metric = uint.Parse(parts[5]),
            Table = uint.Parse(parts[6]),
            Protocol = RouteProtocol.Podnet,
        };
    }
}
