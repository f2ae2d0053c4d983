using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Dataplane;
using Podnet.Testing;

namespace Podnet.Agent.Tests.Metrics;

public sealed class ConnectionCountsTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Theory]
    [InlineData(ProxyMode.Iptables)]
    [InlineData(ProxyMode.Nftables)]
    public void Counters_in_the_kernel_say_who_took_how_many_connections(ProxyMode mode)
    {
        using var dataplane = new NodeDataplane(new AgentOptions("node-1", "/k") { ProxyMode = mode });
        var part = (IDataplanePart)dataplane.Parts.OfType<IServicesPart>().First();
        var counters = (IConnectionCounts)part;
        foreach (var address in (string[])["10.240.0.1", "10.240.0.2", "10.99.0.2"])
            _kernel.Run("ip", "address", "add", $"{address}/32", "dev", "lo");
        _kernel.Run("ip", "route", "add", "10.0.33.0/24", "dev", "lo", "src", "10.99.0.2");
        using var server = _kernel.In(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 8080));
            socket.Listen(100);
            return socket;
        });
        _kernel.In(() => part.Apply(State(), ClusterChanges.Everything, readBack: true));
        Assert.All(_kernel.In(counters.ReadConnections).Services, one => Assert.Equal(0UL, one.Connections));

        Connect("10.0.33.45", 80, times: 7);
        Connect("10.99.0.2", 30080, times: 5);

        var counts = _kernel.In(counters.ReadConnections);
        Assert.Equal([("shop/api", 0UL), ("shop/web:http", 12UL)], counts.Services.Select(one => (one.Port.ToString(), one.Connections)).Order());
        Assert.Equal(["10.240.0.1:8080", "10.240.0.2:8080"], counts.Endpoints.Where(one => one.Port.Port == "http").Select(one => one.Endpoint).Order(StringComparer.Ordinal));
        Assert.Equal(12UL, counts.Endpoints.Aggregate(0UL, (sum, one) => sum + one.Connections));
    }

    private void Connect(string address, int port, int times) => _kernel.In(() =>
    {
        for (var i = 0; i < times; i++)
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Parse(address), port);
        }
    });

    private static ClusterState State()
    {
        var (web, api) = (new ObjectName("shop", "web"), new ObjectName("shop", "api"));
        return ClusterState.Empty with
        {
            Nodes = ClusterState.Empty.Nodes.Add("node-1", new Node("node-1") { InternalIPs = [IPAddress.Parse("10.99.0.2")] }),
            Services = ClusterState.Empty.Services
                .Add(web, new Service(web) { Type = ServiceType.NodePort, ClusterIPs = [IPAddress.Parse("10.0.33.45")], Ports = [new("http", Protocol.Tcp, 80, 30080)] })
                .Add(api, new Service(api) { ClusterIPs = [IPAddress.Parse("10.0.33.46")], Ports = [new("", Protocol.Tcp, 80, 0)] }),
            EndpointSlices = EndpointSliceIndex.Of(
                new EndpointSlice(web, web)
                {
                    Ports = [new("http", Protocol.Tcp, 8080)],
                    Endpoints = [new(IPAddress.Parse("10.240.0.1")), new(IPAddress.Parse("10.240.0.2"))],
                },
                new EndpointSlice(api, api) { Ports = [new("", Protocol.Tcp, 8080)], Endpoints = [new(IPAddress.Parse("10.240.0.1"))] }),
        };
    }
}
