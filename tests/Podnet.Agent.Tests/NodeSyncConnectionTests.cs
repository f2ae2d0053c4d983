using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

/// <summary>Real connections through a Service whose endpoint goes, and what a preview says of them.</summary>
public sealed class NodeSyncConnectionTests : IDisposable
{
    private static readonly ObjectName Name = new("default", "web");

    private readonly Kernel _kernel = new();
    private readonly List<Socket> _sockets = [];

    public NodeSyncConnectionTests()
    {
        foreach (var address in (string[])["10.240.0.1", "10.240.0.2", "10.99.0.2"])
            _kernel.Run("ip", "address", "add", $"{address}/32", "dev", "lo");
        _kernel.Run("ip", "route", "add", "10.0.33.45/32", "dev", "lo", "src", "10.99.0.2");
    }

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _kernel.Dispose();
    }

    [Theory]
    [InlineData(ProxyMode.Nftables, true)]
    [InlineData(ProxyMode.Nftables, false)]
    [InlineData(ProxyMode.Iptables, true)]
    [InlineData(ProxyMode.Iptables, false)]
    public void Connections_are_named_and_then_become_what_was_said(ProxyMode mode, bool serviceStays)
    {
        Sync(mode, State("10.240.0.1"));
        var listener = New(SocketType.Stream, ProtocolType.Tcp, "10.240.0.1", 8080);
        listener.Listen();
        var server = New(SocketType.Dgram, ProtocolType.Udp, "10.240.0.1", 8080);
        var client = New(SocketType.Stream, ProtocolType.Tcp, "10.99.0.2", 0);
        client.Connect(new IPEndPoint(IPAddress.Parse("10.0.33.45"), 80));
        var accepted = listener.Accept();
        _sockets.Add(accepted);
        var datagrams = New(SocketType.Dgram, ProtocolType.Udp, "10.99.0.2", 0);
        datagrams.SendTo(new byte[1], new IPEndPoint(IPAddress.Parse("10.0.33.45"), 80));
        Assert.Equal(1, server.Receive(new byte[10]));
        Assert.Empty(Preview(mode, State("10.240.0.1")));

        var next = serviceStays ? State("10.240.0.2") : State() with { Services = ClusterState.Empty.Services };
        var (goes, loses) = serviceStays ? ("", ", which gets no new ones") : (", an address that goes,", "");
        var text = Preview(mode, next);

        Assert.Contains($"# 1 TCP connection to default/web:tcp at 10.0.33.45:80{goes} with 10.240.0.1:8080{loses}: goes on until it ends\n", text, StringComparison.Ordinal);
        Assert.Contains(
            $"# 1 UDP connection to default/web:udp at 10.0.33.45:80{goes} with 10.240.0.1:8080{loses}: is ended, and its next packet chooses anew\n",
            text, StringComparison.Ordinal);
        if (mode == ProxyMode.Nftables)
            Assert.Contains("# 1 client of 10.0.33.45:80/udp, kept at 10.240.0.1:8080 by session affinity, chooses an endpoint anew\n", text, StringComparison.Ordinal);
        Assert.Equal(text, Preview(mode, next));

        Sync(mode, next);
        client.Send(new byte[1]);
        Assert.Equal(1, accepted.Receive(new byte[10]));
        Assert.DoesNotContain("dport=80 ", Conntrack("udp"), StringComparison.Ordinal);
        Assert.Contains("dport=80 ", Conntrack("tcp"), StringComparison.Ordinal);
        Assert.Empty(Preview(mode, next));
    }

    private string Conntrack(string protocol) => _kernel.Run("conntrack", "-L", "-p", protocol);

    private Socket New(SocketType type, ProtocolType protocol, string address, int port) => _kernel.In(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, type, protocol) { ReceiveTimeout = 5000, SendTimeout = 5000 };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        _sockets.Add(socket);
        return socket;
    });

    private static ClusterState State(params string[] endpoints) => ClusterState.Empty with
    {
        Services = ClusterState.Empty.Services.Add(Name, new Service(Name)
        {
            ClusterIPs = [IPAddress.Parse("10.0.33.45")],
            Ports = [new("tcp", Protocol.Tcp, 80, 0), new("udp", Protocol.Udp, 80, 0)],
            SessionAffinityTimeout = TimeSpan.FromHours(3),
        }),
        EndpointSlices = EndpointSliceIndex.Of(new EndpointSlice(Name, Name)
        {
            Ports = [new("tcp", Protocol.Tcp, 8080), new("udp", Protocol.Udp, 8080)],
            Endpoints = [.. endpoints.Select(address => new Endpoint(IPAddress.Parse(address)))],
        }),
    };

    private string Preview(ProxyMode mode, ClusterState state) => _kernel.In(() => NodeSync.Preview(new AgentOptions("node-1", null) { ProxyMode = mode }, state));

    private void Sync(ProxyMode mode, ClusterState state) => _kernel.In(() =>
    {
        var said = new StringWriter();
        Assert.True(NodeSync.Apply(new AgentOptions("node-1", null) { ProxyMode = mode }, state, said), said.ToString());
    });
}
