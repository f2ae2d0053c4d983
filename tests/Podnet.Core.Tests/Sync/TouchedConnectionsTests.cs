using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Services;
using Podnet.Core.Sync;
using Podnet.Fixtures;

namespace Podnet.Core.Tests.Sync;

public sealed class TouchedConnectionsTests
{
    private static readonly (IPAddress, ushort) Web = At("10.0.33.45", 80);
    private static readonly (IPAddress, ushort) Old = At("10.240.0.5", 8080);
    private static readonly (IPAddress, ushort) New = At("10.240.0.6", 8080);
    private static readonly HashSet<IPAddress> NodeAddresses = [IPAddress.Parse("10.99.0.2")];

    public static TheoryData<string> Fixtures() => [.. RuleFixture.Names];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Rules_of_either_mode_tell_the_same_of_addresses_and_endpoints(string name)
    {
        var state = RuleFixture.Read(name).State;
        foreach (var family in Enum.GetValues<IPFamily>())
        {
            var iptables = ServicePath.Of(RuleFixture.Render(state, family)).ToHashSet();
            var nftables = ServicePath.Of(family, [.. state.Table(family).Elements], []).ToHashSet();
            Assert.Equal(nftables.Order(ByText), iptables.Order(ByText));
        }
    }

    [Fact]
    public void A_TCP_connection_to_an_endpoint_that_goes_is_said_to_go_on()
    {
        var touched = Touched([Path(Web, Old), Path(Web, New)], [Path(Web, New)], [Tcp(Web, Old), Tcp(Web, Old), Tcp(Web, New), Tcp(At("10.9.9.9", 80), Old)]);
        Assert.Equal(["2 TCP connections to default/web at 10.0.33.45:80 with 10.240.0.5:8080, which gets no new ones: go on until they end"], touched);
    }

    [Fact]
    public void What_stays_as_it_is_is_not_named() =>
        Assert.Empty(Touched([Path(Web, Old), Path(Web, New)], [Path(Web, New), Path(Web, Old)], [Tcp(Web, Old), Tcp(Web, New)]));

    [Fact]
    public void An_endpoint_that_was_gone_before_is_no_matter_of_this_change() => Assert.Empty(Touched([], [Path(Web, New)], [Tcp(Web, Old)]));

    [Fact]
    public void A_Service_that_goes_is_named_with_its_address() => Assert.Equal(
        ["1 TCP connection to default/web at 10.0.33.45:80, an address that goes, with 10.240.0.5:8080: goes on until it ends"],
        Touched([Path(Web, null), Path(Web, Old)], [], [Tcp(Web, Old)]));

    [Fact]
    public void A_Service_that_loses_its_last_endpoint_keeps_its_address() => Assert.Equal(
        ["1 TCP connection to default/web at 10.0.33.45:80 with 10.240.0.5:8080, which gets no new ones: goes on until it ends"],
        Touched([Path(Web, null), Path(Web, Old)], [Path(Web, null)], [Tcp(Web, Old)]));

    [Fact]
    public void A_node_port_is_one_on_the_nodes_own_addresses_alone()
    {
        var path = new ServicePath(IPFamily.V4, new(null, Protocol.Tcp, 30080), "default/web", Old);
        Assert.Equal(
            ["1 TCP connection to default/web at 10.99.0.2:30080, an address that goes, with 10.240.0.5:8080: goes on until it ends"],
            Touched([path], [], [Tcp(At("10.99.0.2", 30080), Old), Tcp(At("10.99.0.3", 30080), Old)]));
    }

    [Fact]
    public void UDP_connections_are_ended_where_the_agent_ends_them()
    {
        var dns = At("10.0.0.10", 53);
        ServicePath[] before = [new(IPFamily.V4, new(dns.Item1, Protocol.Udp, 53), "default/dns", Old)];
        var stale = new StaleUdpFlows([], ServicePath.UdpPortsOf(before), NodeAddresses);
        Assert.Equal(
            "1 UDP connection to default/dns at 10.0.0.10:53, an address that goes, with 10.240.0.5:8080: is ended, and its next packet chooses anew",
            Assert.Single(TouchedConnections.Of(before, [], NodeAddresses, stale, [new(Protocol.Udp, dns, Old), new(Protocol.Udp, At("10.0.0.11", 53), Old)])).ToString());

        // One that serves still is left its connections, also where it gets no new ones.
        stale = new StaleUdpFlows([new(IPFamily.V4, 53, [dns.Item1], 0, [Old])], ServicePath.UdpPortsOf(before), NodeAddresses);
        var one = Assert.Single(TouchedConnections.Of(before, [before[0] with { Endpoint = New }], NodeAddresses, stale, [new(Protocol.Udp, dns, Old)]));
        Assert.False(one.Ends);
    }

    private static Comparer<ServicePath> ByText { get; } = Comparer<ServicePath>.Create((a, b) => string.CompareOrdinal(a.ToString(), b.ToString()));

    private static IEnumerable<string> Touched(ServicePath[] before, ServicePath[] wanted, TranslatedConnection[] connections) =>
        TouchedConnections.Of(before, wanted, NodeAddresses, new StaleUdpFlows([], [], NodeAddresses), connections).Select(group => group.ToString());

    private static ServicePath Path((IPAddress Address, ushort Port) at, (IPAddress, ushort)? endpoint) =>
        new(IPFamily.V4, new FrontendAddress(at.Address, Protocol.Tcp, at.Port), "default/web", endpoint);

    private static TranslatedConnection Tcp((IPAddress, ushort) destination, (IPAddress, ushort) server) => new(Protocol.Tcp, destination, server);

    private static (IPAddress, ushort) At(string address, ushort port) => (IPAddress.Parse(address), port);
}
