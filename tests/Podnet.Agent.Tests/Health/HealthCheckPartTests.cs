using System.Net;
using System.Net.Sockets;
using Podnet.Agent.Health;
using Podnet.Core.Model;
using Podnet.Testing;

namespace Podnet.Agent.Tests.Health;

public sealed class HealthCheckPartTests : IDisposable
{
    private static readonly ObjectName Web = new("shop", "web");

    private readonly Kernel _kernel = new();
    private readonly RecordingLogger _log = new();
    private HealthCheckPart _part;

    public HealthCheckPartTests() => _part = Part(new AgentOptions("node-1", "/k"));

    public void Dispose()
    {
        _part.Dispose();
        _kernel.Dispose();
    }

    private HealthCheckPart Part(AgentOptions options) => new(options, new AgentStatus(options, _log));

    private static ClusterState State(ushort port, params string[] nodesOfEndpoints) => ClusterState.Empty with
    {
        Nodes = ClusterState.Empty.Nodes.Add("node-1", new Node("node-1") { InternalIPs = [IPAddress.Parse("127.0.0.9")] }),
        Services = ClusterState.Empty.Services.Add(Web, new Service(Web)
        {
            Type = ServiceType.LoadBalancer,
            ExternalTrafficPolicy = TrafficPolicy.Local,
            HealthCheckNodePort = port,
            ClusterIPs = [IPAddress.Parse("10.0.33.45")],
            Ports = [new("", Protocol.Tcp, 80, 30080)],
        }),
        EndpointSlices = EndpointSliceIndex.Of(new EndpointSlice(new("shop", "web-1"), Web)
        {
            Ports = [new("", Protocol.Tcp, 80)],
            Endpoints = [.. nodesOfEndpoints.Select((node, i) => new Endpoint(IPAddress.Parse($"10.240.0.{i + 1}")) { NodeName = node })],
        }),
    };

    private void Apply(ClusterState state, ClusterChanges changes) => _kernel.In(() => Assert.Null(_part.Apply(state, changes, readBack: false)));

    private string Get(int port, string host = "127.0.0.1") => _kernel.Run("sh", "-c", $"curl -s -i --max-time 5 http://{host}:{port}/ || echo closed");

    [Fact]
    public void A_load_balancer_learns_whether_there_are_endpoints_here()
    {
        Apply(State(32000, "node-1", "node-2", "node-1"), ClusterChanges.Everything);

        var answer = Get(32000);

        Assert.StartsWith("HTTP/1.1 200 OK", answer, StringComparison.Ordinal);
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 2\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Content-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith(
            "{\n\t\"service\": {\n\t\t\"namespace\": \"shop\",\n\t\t\"name\": \"web\"\n\t},\n\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": true\n}",
            answer, StringComparison.Ordinal);
        Apply(State(32000, "node-2"), ClusterChanges.OfServices(Web));
        answer = Get(32000);
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable", answer, StringComparison.Ordinal);
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 0\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_is_there_for_as_long_as_its_Service_is()
    {
        Apply(State(32000, "node-1"), ClusterChanges.Everything);
        Apply(State(32001, "node-1"), ClusterChanges.OfServices(Web));
        Assert.Equal("closed\n", Get(32000));
        Assert.Contains("200 OK", Get(32001), StringComparison.Ordinal);
        Apply(ClusterState.Empty, ClusterChanges.OfServices(Web));
        Assert.Equal("closed\n", Get(32001));
    }

    [Fact]
    public void A_port_that_is_taken_is_said_once_and_had_when_it_is_free()
    {
        var other = _kernel.In(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 32000));
            socket.Listen();
            return socket;
        });
        Apply(State(32000, "node-1"), ClusterChanges.Everything);
        _kernel.In(_part.Repair);
        _kernel.In(_part.Repair);
        Assert.StartsWith("Service shop/web: its healthCheckNodePort cannot be opened at 0.0.0.0:32000", Assert.Single(_log.Lines), StringComparison.Ordinal);
        other.Dispose();
        // A process that another test starts has the port, too, until its exec.
        Poll.Until(
            () =>
            {
                _kernel.In(_part.Repair);
                return Get(32000).Contains("200 OK", StringComparison.Ordinal);
            },
            () => $"the port is served: {Get(32000)}");
    }

    [Fact]
    public void Where_node_ports_answer_on_some_addresses_so_do_health_checks()
    {
        _kernel.Run("ip", "address", "add", "127.0.0.9/8", "dev", "lo");
        _part = Part(new AgentOptions("node-1", "/k") { NodePortsOnPrimary = true });
        Apply(State(32000, "node-1"), ClusterChanges.Everything);
        Assert.Contains("200 OK", Get(32000, "127.0.0.9"), StringComparison.Ordinal);
        Assert.Equal("closed\n", Get(32000));
    }
}
