using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Bench;

/// <summary>So many Services of one TCP port with so many endpoints each, every endpoint a pod of its own, spread over ten nodes.</summary>
internal static class Cluster
{
    public const ushort Port = 80;
    public const ushort TargetPort = 8080;
    private const uint FirstServiceIP = 0x0A60_0010; // 10.96.0.16
    private const uint FirstPodIP = 0x0AF0_0000;     // 10.240.0.0
    private const int Nodes = 10;

    public static readonly Node Node = new("node-0") { InternalIPs = [IPAddress.Parse("10.99.0.2")] };

    public static readonly ServiceProxyConfig Config = new()
    {
        LocalTraffic = new LocalTraffic.FromNetworks([IPNetwork.Parse("10.240.0.0/12")]),
        NodeIPs = Node.InternalIPs,
    };

    public static ObjectName NameOf(int service) => new("default", $"service-{service}");

    public static IPAddress ServiceIP(int service) => Address(FirstServiceIP + (uint)service);

    public static IPAddress PodIP(int pod) => Address(FirstPodIP + (uint)pod);

    public static ClusterState State(int services, int endpoints)
    {
        var state = ClusterState.Empty with { Nodes = ClusterState.Empty.Nodes.Add(Node.Name, Node), ServiceCidrs = [IPNetwork.Parse("10.96.0.0/12")] };
        var all = Enumerable.Range(0, services).Select(service => new Service(NameOf(service))
        {
            ClusterIPs = [ServiceIP(service)],
            Ports = [new("http", Protocol.Tcp, Port, 0)],
        });
        var slices = Enumerable.Range(0, services).Select(service => Slice(service, Enumerable.Range(service * endpoints, endpoints)));
        return state with { Services = all.ToImmutableDictionary(service => service.Name), EndpointSlices = EndpointSliceIndex.Of([.. slices]) };
    }

    public static EndpointSlice Slice(int service, IEnumerable<int> pods) => new(NameOf(service), NameOf(service))
    {
        Ports = [new("http", Protocol.Tcp, TargetPort)],
        Endpoints = [.. pods.Select(pod => new Endpoint(PodIP(pod)) { NodeName = $"node-{pod % Nodes}" })],
    };

    public static ServiceTable Table(ClusterState state)
    {
        var table = new ServiceTable(IPFamily.V4, Config, state.ServiceCidrs);
        foreach (var service in state.Services.Values)
            table.Put(service.Name, Plan(state, service), change: null);
        return table;
    }

    public static ImmutableArray<ServicePortIntent> Plan(ClusterState state, Service service) =>
        ServicePlanner.PlanService(service, state.SlicesOf(service.Name), Node, IPFamily.V4).Ports;

    private static IPAddress Address(uint number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
