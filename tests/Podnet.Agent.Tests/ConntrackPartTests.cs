using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Dataplane.Nftables;
using Podnet.Testing;

namespace Podnet.Agent.Tests;

/// <summary>Real datagrams of a client that never lets go of its port, through real rules, to servers that say who they are.</summary>
public sealed class ConntrackPartTests : IDisposable
{
    private static readonly ObjectName Dns = new("kube-system", "dns");

    private readonly Kernel _kernel = new();
    private readonly AgentStatus _status = new(new AgentOptions("node-1", "/k"));
    private readonly IptablesServicesPart _rules;
    private readonly ConntrackPart _part;
    private readonly Socket _first;
    private readonly Socket _second;
    private readonly Socket _client;
    private ClusterState _state = ClusterState.Empty;

    public ConntrackPartTests()
    {
        var options = new AgentOptions("node-1", "/k");
        _rules = new IptablesServicesPart(IPFamily.V4, options, new Lazy<Ruleset>(() => new Ruleset()), _status.Metrics);
        _part = new ConntrackPart(options, _status);
        foreach (var address in (string[])["10.240.0.1", "10.240.0.2", "10.99.0.2"])
            _kernel.Run("ip", "address", "add", $"{address}/32", "dev", "lo");
        _kernel.Run("ip", "route", "add", "10.0.0.10/32", "dev", "lo", "src", "10.99.0.2");
        (_first, _second, _client) = (Bound("10.240.0.1", 5353), Bound("10.240.0.2", 5353), Bound("10.99.0.2", 40000));
    }

    public void Dispose()
    {
        foreach (var socket in (Socket[])[_first, _second, _client])
            socket.Dispose();
        _part.Dispose();
        _kernel.Dispose();
    }

    private Socket Bound(string address, int port) => _kernel.In(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    });

    /// <summary>Brings the kernel to a cluster with these endpoints of the Service; null is no Service. What the part did.</summary>
    private string? Want(params string[]? endpoints)
    {
        var changes = _state == ClusterState.Empty ? ClusterChanges.Everything : ClusterChanges.OfServices(Dns);
        _state = endpoints is null ? ClusterState.Empty with { Nodes = _state.Nodes.SetItem("x", new Node("x")) } : ClusterState.Empty with
        {
            Services = ClusterState.Empty.Services.Add(Dns, new Service(Dns)
            {
                Type = ServiceType.NodePort,
                ClusterIPs = [IPAddress.Parse("10.0.0.10")],
                Ports = [new("dns", Protocol.Udp, 53, 30053)],
            }),
            EndpointSlices = EndpointSliceIndex.Of(new EndpointSlice(Dns, Dns)
            {
                Ports = [new("dns", Protocol.Udp, 5353)],
                Endpoints = [.. endpoints.Select(address => new Endpoint(IPAddress.Parse(address)))],
            }),
        };
        return _kernel.In(() =>
        {
            _rules.Apply(_state, changes, readBack: false);
            return _part.Apply(_state, changes, readBack: false);
        });
    }

    private void Send(string address, int port) => _client.SendTo(new byte[1], new IPEndPoint(IPAddress.Parse(address), port));

    private static void Arrives(Socket at) => Assert.Equal(1, at.Receive(new byte[10]));


    [Theory]
    [InlineData("10.0.0.10", 53)]
    [InlineData("10.99.0.2", 30053)]
    public void A_client_that_goes_on_sending_reaches_the_endpoint_that_is_there(string address, int port)
    {
        Want("10.240.0.1");
        Send(address, port);
        Arrives(_first);
        Send("10.240.0.2", 9999); // Of no Service.

        Assert.Equal("1 to endpoints that are gone ended", Want("10.240.0.2"));

        Send(address, port);
        Arrives(_second);
        Assert.Null(Want("10.240.0.2"));
        Assert.Contains("kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family=\"IPv4\"} 1\n", string.Concat(_status.Metrics.Print()), StringComparison.Ordinal);
    }

    [Fact]
    public void An_endpoint_that_stays_keeps_its_clients()
    {
        Want("10.240.0.1");
        Send("10.0.0.10", 53);
        Arrives(_first);
        Assert.Null(Want("10.240.0.1", "10.240.0.2"));
        for (var i = 0; i < 20; i++)
        {
            Send("10.0.0.10", 53);
            Arrives(_first);
        }
    }

    [Fact]
    public void When_the_last_endpoint_goes_and_when_the_Service_goes_so_do_the_connections()
    {
        Want("10.240.0.1");
        Send("10.0.0.10", 53);
        Arrives(_first);
        Assert.Equal("1 to endpoints that are gone ended", Want());
        Want("10.240.0.1");
        Send("10.0.0.10", 53);
        Arrives(_first);
        Assert.Equal("1 to endpoints that are gone ended", Want(null));
    }

    [Fact]
    public void A_client_that_was_there_before_the_Service_reaches_it()
    {
        // A rule that looks at connections, as any node has: without one the kernel does not track them.
        _kernel.Run("iptables", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "NEW");
        Want(null);
        Send("10.0.0.10", 53);
        Want("10.240.0.1");
        Send("10.0.0.10", 53);
        Arrives(_first);
    }

    [Fact]
    public void Nothing_is_ended_before_the_rules_are_written()
    {
        Want("10.240.0.1");
        Send("10.0.0.10", 53);
        Arrives(_first);
        _status.Failed(_rules);
        Assert.Throws<IOException>(() => Want("10.240.0.2"));
        _status.Applied(_rules, TimeSpan.Zero, readBack: false);
        Assert.Equal("1 to endpoints that are gone ended", Want("10.240.0.2"));
    }
}
