using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Local.Check;
using Podnet.Testing;

namespace Podnet.Local.Tests.Check;

/// <summary>
/// A cluster network made by hand with ip and iptables, as Podnet's own should be: two nodes and outside on one bridge, a pod on
/// each node, and a Service nginx 10.0.33.45:80 → 8080 with node port 30080. All in namespaces that end with it.
/// </summary>
internal sealed class Network : IDisposable
{
    internal const string Pod1 = "10.240.0.28";
    internal const string Pod2 = "10.240.0.57";

    private readonly string _prefix = "test-check-" + Guid.NewGuid().ToString("N")[..8] + "-";
    private readonly List<string> _names = [];
    private readonly List<Socket> _servers = [];

    internal Network()
    {
        Add("fabric", null);
        Ip("fabric", "link add br0 type bridge");
        Ip("fabric", "link set br0 up");
        AddHost("node1", "10.99.0.2");
        AddHost("node2", "10.99.0.3");
        AddHost("outside", "10.99.0.254");
        AddPod("pod1", "node1", Pod1);
        AddPod("pod2", "node2", Pod2);
        Ip("node1", $"route add {Pod2} via 10.99.0.3");
        Ip("node2", $"route add {Pod1} via 10.99.0.2");
        foreach (var node in new[] { "node1", "node2" })
        {
            Ip(node, "route add 10.0.0.0/16 dev eth0"); // a Service's address needs some route, or connect fails before DNAT
            _ = Namespace(node).Run(() => Sysctl.Ensure("net.ipv4.ip_forward", "1"));
            Restore(node);
        }
    }

    internal CheckTargets Targets { get; private set; } = new();

    internal Service Service { get; } = new(new ObjectName("default", "nginx"))
    {
        Type = ServiceType.NodePort,
        ClusterIPs = [IPAddress.Parse("10.0.33.45")],
        Ports = [new ServicePort("web", Protocol.Tcp, 80, 30080)],
    };

    /// <summary>One more rule at the head of a chain of the table nat.</summary>
    internal void Iptables(string place, string rule) =>
        Namespace(place).Run(() => Tool.Run("iptables", [.. $"-w {rule}".Split(' ')]));

    internal void Ip(string place, string command) => Namespace(place).Run(() => Tool.Run("ip", command.Split(' ')));

    /// <param name="timeout">Short where something must time out; otherwise so long that a busy machine makes no difference.</param>
    internal Task<CheckReport> CheckAsync(bool withEndpoints = true, double timeout = 20)
    {
        var slice = new EndpointSlice(new ObjectName("default", "nginx-1"), Service.Name)
        {
            Ports = [new EndpointPort("web", Protocol.Tcp, 8080)],
            Endpoints = withEndpoints
                ? [new Endpoint(IPAddress.Parse(Pod1)) { NodeName = "node1" }, new Endpoint(IPAddress.Parse(Pod2)) { NodeName = "node2" }]
                : [],
        };
        Targets.State = ClusterState.Empty with
        {
            Nodes = new[] { new Node("node1"), new Node("node2") }.ToImmutableDictionary(n => n.Name),
            Services = ImmutableDictionary<ObjectName, Service>.Empty.Add(Service.Name, Service),
            EndpointSlices = EndpointSliceIndex.Of(slice),
        };
        return new ConnectivityCheck(Targets, TimeSpan.FromSeconds(timeout)).RunAsync(CancellationToken.None);
    }

    public void Dispose()
    {
        foreach (var server in _servers)
            server.Dispose();
        Targets.Dispose();
        foreach (var name in _names)
            NetworkNamespace.DeleteNamed(name);
    }

    private NetworkNamespace Namespace(string place) => NetworkNamespace.OpenNamed(_prefix + place);

    private void Add(string name, Place? place)
    {
        var made = NetworkNamespace.CreateNamed(_prefix + name);
        _names.Add(_prefix + name);
        if (place is null)
            made.Dispose();
        else
            Targets.Add(place, made);
        Ip(name, "link set lo up");
    }

    private void AddHost(string name, string address)
    {
        var kind = name == "outside" ? PlaceKind.Outside : PlaceKind.Node;
        Add(name, new Place(kind, name, IPAddress.Parse(address), kind == PlaceKind.Node ? name : null));
        Ip("fabric", $"link add {name} type veth peer name eth0 netns {_prefix}{name}");
        Ip("fabric", $"link set {name} master br0 up");
        Ip(name, $"address add {address}/24 dev eth0");
        Ip(name, "link set eth0 up");
    }

    private void AddPod(string name, string node, string address)
    {
        Add(name, new Place(PlaceKind.Pod, "default/" + name, IPAddress.Parse(address), node));
        Ip(node, $"link add {name} address 02:00:00:00:00:01 type veth peer name eth0 netns {_prefix}{name}");
        Ip(node, $"link set {name} up");
        Ip(node, $"route add {address} dev {name}");
        Ip(name, $"address add {address}/32 dev eth0");
        Ip(name, "link set eth0 up");
        Ip(name, "neighbour add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0");
        Ip(name, "route add default via 169.254.1.1 dev eth0 onlink");
        var server = Namespace(name).Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        server.Bind(new IPEndPoint(IPAddress.Any, 8080));
        server.Listen(1024);
        _servers.Add(server);
    }

    private void Restore(string node) => Namespace(node).Run(() => ChildProcess.Run(
        new ProcessStart("iptables-restore", []),
        System.Text.Encoding.ASCII.GetBytes($"""
            *nat
            :NGINX - [0:0]
            :EXTERNAL - [0:0]
            -A PREROUTING -d 10.0.33.45/32 -p tcp -m tcp --dport 80 -j NGINX
            -A OUTPUT -d 10.0.33.45/32 -p tcp -m tcp --dport 80 -j NGINX
            -A PREROUTING -p tcp -m tcp --dport 30080 -m addrtype --dst-type LOCAL -j EXTERNAL
            -A EXTERNAL -j MARK --or-mark 0x4000
            -A EXTERNAL -j NGINX
            -A NGINX -p tcp -m statistic --mode random --probability 0.5 -j DNAT --to-destination {Pod1}:8080
            -A NGINX -p tcp -j DNAT --to-destination {Pod2}:8080
            -A POSTROUTING -s {Pod1}/32 -d {Pod1}/32 -j MASQUERADE
            -A POSTROUTING -s {Pod2}/32 -d {Pod2}/32 -j MASQUERADE
            -A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
            -A POSTROUTING -s 10.240.0.0/16 -d 10.99.0.254/32 -j MASQUERADE
            COMMIT

            """),
        ChildProcess.DefaultTimeout) is { Succeeded: false } failed
            ? throw new InvalidOperationException(failed.StandardError)
            : true);
}
