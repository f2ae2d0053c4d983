using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Core.Tests.Services;

public sealed class StaleUdpFlowsTests
{
    private static readonly HashSet<IPAddress> Node = [IPAddress.Parse("10.99.0.2"), IPAddress.Parse("127.0.0.1")];
    private static readonly ObjectName Dns = new("kube-system", "dns");

    private static ImmutableArray<UdpServicePort> Ports(params Endpoint[] endpoints) => UdpServicePort.Of(
        new Service(Dns)
        {
            ClusterIPs = [IPAddress.Parse("10.0.0.10")],
            ExternalIPs = [IPAddress.Parse("203.0.113.5")],
            Ports = [new("dns", Protocol.Udp, 53, 30053), new("dns-tcp", Protocol.Tcp, 53, 30054)],
        },
        [new EndpointSlice(Dns, Dns) { Ports = [new("dns", Protocol.Udp, 5353), new("dns-tcp", Protocol.Tcp, 5354)], Endpoints = [.. endpoints] }]);

    private static Endpoint At(string address) => new(IPAddress.Parse(address));

    private static (IPAddress, ushort) Parse(string text) => IPEndPoint.Parse(text) is var point ? (point.Address, (ushort)point.Port) : default;

    [Theory]
    [InlineData("10.0.0.10:53", "10.240.0.1:5353", false)] // serves
    [InlineData("10.0.0.10:53", "10.240.0.2:5353", false)] // serves until it ends
    [InlineData("10.0.0.10:53", "10.240.0.3:5353", true)] // does not serve any more
    [InlineData("10.0.0.10:53", "10.240.0.9:5353", true)] // is gone
    [InlineData("10.0.0.10:53", "10.240.0.1:53", true)] // had another port
    [InlineData("10.0.0.10:53", "10.0.0.10:53", true)] // was never translated
    [InlineData("203.0.113.5:53", "10.240.0.9:5353", true)]
    [InlineData("203.0.113.5:53", "10.240.0.1:5353", false)]
    [InlineData("10.99.0.2:30053", "10.240.0.9:5353", true)]
    [InlineData("10.99.0.2:30053", "10.240.0.1:5353", false)]
    [InlineData("127.0.0.1:30053", "127.0.0.1:30053", true)]
    [InlineData("198.51.100.7:30053", "198.51.100.7:30053", false)] // somebody else's port of that number
    [InlineData("198.51.100.7:30053", "10.240.0.9:5353", false)]
    [InlineData("10.99.0.2:30054", "10.240.0.9:5353", false)] // a TCP Service's node port
    [InlineData("10.0.0.10:54", "10.240.0.9:5353", false)]
    [InlineData("8.8.8.8:53", "8.8.8.8:53", false)]
    public void A_connection_is_stale_if_a_Service_would_send_it_elsewhere(string destination, string server, bool stale)
    {
        var flows = new StaleUdpFlows(
            Ports(
                At("10.240.0.1"),
                At("10.240.0.2") with { Ready = false, Terminating = true },
                At("10.240.0.3") with { Ready = false, Serving = false, Terminating = true }),
            [], Node);

        Assert.Equal(stale, flows.IsStale(Parse(destination), Parse(server)));
    }

    [Theory]
    [InlineData("10.0.0.10:53", "10.240.0.1:5353", true)]
    [InlineData("10.99.0.2:30053", "10.240.0.1:5353", true)]
    [InlineData("203.0.113.5:53", "203.0.113.5:53", false)] // now it really goes there
    [InlineData("10.99.0.2:30053", "10.99.0.2:30053", false)] // now a program of the node has it
    [InlineData("198.51.100.7:30053", "198.51.100.7:30053", false)]
    public void Of_a_Service_that_is_gone_the_translated_ones_are_stale(string destination, string server, bool stale) =>
        Assert.Equal(stale, new StaleUdpFlows([], Ports(At("10.240.0.1")), Node).IsStale(Parse(destination), Parse(server)));

    [Fact]
    public void A_Service_without_endpoints_has_no_connections() =>
        Assert.True(new StaleUdpFlows(Ports(), [], Node).IsStale(Parse("10.0.0.10:53"), Parse("10.240.0.1:5353")));

    [Fact]
    public void What_one_Service_gave_up_and_another_has_is_the_others()
    {
        var flows = new StaleUdpFlows(Ports(At("10.240.0.2")), Ports(At("10.240.0.1")), Node);

        Assert.True(flows.IsStale(Parse("203.0.113.5:53"), Parse("10.240.0.1:5353")));
        Assert.False(flows.IsStale(Parse("203.0.113.5:53"), Parse("10.240.0.2:5353")));
    }

    [Fact]
    public void Ports_are_the_same_if_nothing_of_them_differs()
    {
        Assert.Equal(Ports(At("10.240.0.1"), At("10.240.0.2")).AsEnumerable(), Ports(At("10.240.0.2"), At("10.240.0.1")));
        Assert.NotEqual(Ports(At("10.240.0.1")).AsEnumerable(), Ports(At("10.240.0.2")));
    }
}
