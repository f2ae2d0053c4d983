using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane;
using Podnet.Dataplane.Routes;
using Podnet.Linux;
using Podnet.Local.Controllers;
using Podnet.Netlink;

namespace Podnet.Local.Fabric;

/// <summary>
/// The layer-2 segment that joins the nodes: a bridge in a namespace of its own, with the API server's address on it. A host
/// (a node, or outside) is a namespace with an eth0 on that bridge.
/// </summary>
/// <remarks>
/// Hosts have a default route, as real ones do: without one a node could not even send to a cluster IP, which the kernel
/// looks a route up for before any rule sees the packet. The fabric answers what leaves by it with "host unreachable", so
/// that nothing hangs and nothing gets out.
/// The upper half of each network is the pool of load balancers' addresses. No host has one of them: outside sends what is for
/// them to the fabric, which has a route for each to one node, as a router has that nodes announce them to by BGP.
/// </remarks>
public sealed class FabricNetwork(ClusterPaths paths, ImmutableArray<IPNetwork> cidrs) : ILoadBalancerNetwork
{
    private const string BridgeName = "pn-fabric";
    private const string HostDevice = "eth0";

    /// <summary>In bytes: of a veth that nobody gave another (drivers/net/veth.c, ETH_DATA_LEN).</summary>
    public const int Mtu = 1500;

    private const uint FirstPlace = 2; // behind the network's own address and the API server's

    private const int Loopback = 1; // lo is the first link of every namespace

    private static readonly IPNetwork Everywhere = IPNetwork.Parse("0.0.0.0/0"), EverywhereV6 = IPNetwork.Parse("::/0");

    /// <summary>The first address of each network: where nodes find the API server.</summary>
    public ImmutableArray<IPAddress> Gateways { get; } = [.. cidrs.Select(cidr => cidr.At(1))];

    /// <inheritdoc/>
    public ImmutableArray<IPNetwork> Pools { get; } = [.. cidrs.Select(PoolOf)];

    /// <summary>The last of each but one: a host that is on the fabric and not in the cluster.</summary>
    public ImmutableArray<IPAddress> Outside { get; } = [.. cidrs.Select(cidr => cidr.At(cidr.Size() - 2))];

    /// <summary>Makes the segment and outside.</summary>
    public void Create()
    {
        using var fabric = NetworkNamespace.CreateNamed(paths.FabricNamespace);
        fabric.Run(() =>
        {
            SkipDuplicateDetection();
            using var links = new RouteSocket();
            links.Execute(new RouteRequests().SetUp(Loopback).CreateBridge(BridgeName, NewAddress(), up: true));
            var bridge = links.GetLink(BridgeName).Index;
            var requests = new RouteRequests();
            for (var i = 0; i < cidrs.Length; i++)
            {
                requests.AddAddress(AddressOn(bridge, i, Gateways[i]));
                requests.AddRoute(new Route(DefaultOf(Gateways[i])) { Type = RouteType.Unreachable, Device = Gateways[i].Family() == IPFamily.V6 ? Loopback : 0 });
            }

            links.Execute(requests);
            // So that the unreachable route answers, and what is for a load balancer goes on to a node.
            foreach (var gateway in Gateways)
                Sysctl.Ensure(gateway.Family() == IPFamily.V4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding", "1");
            // Outside shall not learn by redirects where an address leads: it would go on sending there when that has changed.
            Sysctl.Ensure("net.ipv4.conf.all.send_redirects", "0");
            Sysctl.Ensure($"net.ipv4.conf.{BridgeName}.send_redirects", "0");
            // A switch does not look into packets; where the machine has the module, the kernel would show each to the IP hooks.
            foreach (var hooks in (ReadOnlySpan<string>)["net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables", "net.bridge.bridge-nf-call-arptables"])
                Sysctl.TrySet(hooks, "0"u8);
        });
        AddHost(paths.OutsideNamespace, Outside, "outside");
        using var outside = NetworkNamespace.OpenNamed(paths.OutsideNamespace);
        outside.Run(() =>
        {
            using var links = new RouteSocket();
            var device = links.GetLink(HostDevice).Index;
            var requests = new RouteRequests();
            for (var i = 0; i < cidrs.Length; i++)
                requests.AddRoute(new Route(Pools[i]) { Device = device, Gateway = Gateways[i] });
            links.Execute(requests);
            Sysctl.Ensure($"net.ipv6.conf.{HostDevice}.accept_redirects", "0"); // there is no switch for sending them
        });
    }

    /// <summary>The addresses of a network that no host gets: its upper half. Its last two are outside's and the broadcast address.</summary>
    public static IPNetwork PoolOf(IPNetwork cidr) => new(cidr.At(cidr.Size() / 2), cidr.PrefixLength + 1);

    /// <summary>How many nodes a network has addresses for: its lower half, but for its own address and the API server's.</summary>
    public static UInt128 Places(IPNetwork cidr) => cidr.Size() / 2 is var half && half > FirstPlace ? half - FirstPlace : 0;

    /// <inheritdoc/>
    public ApplyReport Route(IReadOnlyCollection<PodRoute> routes)
    {
        using var fabric = NetworkNamespace.OpenNamed(paths.FabricNamespace);
        using var socket = RouteSocket.OpenIn(fabric);
        return new RouteDriver(socket, encapsulate: false).Apply(routes);
    }

    /// <summary>The addresses of the host at a place, counted from 0, one of each network; null where the segment is full.</summary>
    public ImmutableArray<IPAddress>? HostAddresses(int place)
    {
        var isFull = cidrs.Any(cidr => (UInt128)place >= Places(cidr));
        return isFull ? null : [.. cidrs.Select(cidr => cidr.At((UInt128)place + FirstPlace))];
    }

    /// <summary>Whether a host here can have these: one of each network, and nobody else's.</summary>
    public bool IsHost(ImmutableArray<IPAddress> addresses) =>
        addresses.Length == cidrs.Length
        && !addresses.Where((address, i) => !cidrs[i].Contains(address) || address.Equals(Gateways[i]) || address.Equals(Outside[i])).Any();

    /// <summary>Makes a namespace and puts it on the segment. Nothing is left of it where that fails.</summary>
    /// <param name="alias">For whoever looks at the fabric's links.</param>
    public void AddHost(string @namespace, ImmutableArray<IPAddress> addresses, string alias)
    {
        using var host = NetworkNamespace.CreateNamed(@namespace);
        try
        {
            host.Run(SkipDuplicateDetection);
            using var fabric = NetworkNamespace.OpenNamed(paths.FabricNamespace);
            using (var links = RouteSocket.OpenIn(fabric))
            {
                var port = PortName(@namespace);
                var link = links.CreateVeth(new VethPair(port, HostDevice) { PeerNamespace = host, Up = true }).Index;
                links.Execute(new RouteRequests().SetAlias(link, alias).SetMaster(link, links.GetLink(BridgeName).Index));
            }

            using var inside = RouteSocket.OpenIn(host);
            var device = inside.GetLink(HostDevice).Index;
            // The kernel sets up one end of a pair alone where the other is made in another namespace.
            var requests = new RouteRequests().SetUp(Loopback).SetUp(device);
            for (var i = 0; i < addresses.Length; i++)
            {
                requests.AddAddress(AddressOn(device, i, addresses[i]));
                requests.AddRoute(new Route(DefaultOf(addresses[i])) { Device = device, Gateway = Gateways[i] });
            }

            inside.Execute(requests);
        }
        catch
        {
            NetworkNamespace.DeleteNamed(@namespace);
            throw;
        }
    }

    /// <summary>Takes a host off the segment; its namespace ends with its last process.</summary>
    public void RemoveHost(string @namespace)
    {
        using var fabric = NetworkNamespace.OpenNamed(paths.FabricNamespace);
        using var links = RouteSocket.OpenIn(fabric);
        var port = PortName(@namespace);
        if (links.FindLink(port) is not null)
            links.Execute(new RouteRequests().DeleteLink(port));
        NetworkNamespace.DeleteNamed(@namespace);
    }

    /// <summary>
    /// For the links that this namespace gets: their link-local addresses would be tentative for one to two seconds, and as long a router cannot ask
    /// for a neighbour of the segment on behalf of a packet that it forwards (net/ipv6/ndisc.c, ndisc_send_ns).
    /// </summary>
    private static void SkipDuplicateDetection() => Sysctl.TrySet("net.ipv6.conf.default.accept_dad", "0"u8);

    /// <summary>
    /// Locally administered, of one host (IEEE 802, the two low bits of the first octet); the rest is chance. Were it to change while nodes are added,
    /// those that know it already would talk to nobody until they ask anew: half a minute or more.
    /// </summary>
    private static MacAddress NewAddress() => new((0x0AUL << 40) | (ulong)Random.Shared.NextInt64(1L << 40));

    private static string PortName(string @namespace) =>
        "pn" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(@namespace)))[..10];

    /// <summary>Nobody else can have it: all addresses of the segment are given here.</summary>
    private Address AddressOn(int device, int network, IPAddress address) => new(device, address, cidrs[network].PrefixLength)
    {
        Flags = address.Family() == IPFamily.V6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None,
    };

    private static IPNetwork DefaultOf(IPAddress address) => address.Family() == IPFamily.V4 ? Everywhere : EverywhereV6;
}
