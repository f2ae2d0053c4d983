using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Local.Fabric;

/// <summary>
/// The layer-2 segment that joins the nodes: a bridge in a namespace of its own, with the API server's address on it. A host
/// (a node, or outside) is a namespace with an eth0 on that bridge.
/// </summary>
/// <remarks>
/// Hosts have a default route, as real ones do: without one a node could not even send to a cluster IP, which the kernel
/// looks a route up for before any rule sees the packet. The fabric answers what leaves by it with "network unreachable", so
/// that nothing hangs and nothing gets out.
/// </remarks>
public sealed class FabricNetwork(ClusterPaths paths, ImmutableArray<IPNetwork> cidrs)
{
    private const string BridgeName = "pn-fabric";
    private const string HostDevice = "eth0";

    /// <summary>In bytes: of a veth that nobody gave another (drivers/net/veth.c, ETH_DATA_LEN).</summary>
    public const int Mtu = 1500;

    private const int Loopback = 1; // lo is the first link of every namespace

    private static readonly IPNetwork Everywhere = IPNetwork.Parse("0.0.0.0/0"), EverywhereV6 = IPNetwork.Parse("::/0");

    /// <summary>The first address of each network: where nodes find the API server.</summary>
    public ImmutableArray<IPAddress> Gateways { get; } = [.. cidrs.Select(cidr => AddressAt(cidr, 1))];

    /// <summary>The last of each but one: a host that is on the fabric and not in the cluster.</summary>
    public ImmutableArray<IPAddress> Outside { get; } = [.. cidrs.Select(cidr => AddressAt(cidr, (UInt128.One << (cidr.Family().Bits() - cidr.PrefixLength)) - 2))];

    /// <summary>Makes the segment and outside.</summary>
    public void Create()
    {
        using var fabric = NetworkNamespace.CreateNamed(paths.FabricNamespace);
        fabric.Run(() =>
        {
            using var links = new RouteSocket();
            links.Execute(new RouteRequests().SetUp(Loopback).CreateBridge(BridgeName, up: true));
            var bridge = links.GetLink(BridgeName).Index;
            var requests = new RouteRequests();
            for (var i = 0; i < cidrs.Length; i++)
            {
                requests.AddAddress(AddressOn(bridge, i, Gateways[i]));
                requests.AddRoute(new Route(DefaultOf(Gateways[i])) { Type = RouteType.Unreachable, Device = Gateways[i].Family() == IPFamily.V6 ? Loopback : 0 });
            }

            links.Execute(requests);
            // So that the unreachable route answers.
            foreach (var gateway in Gateways)
                Sysctl.Ensure(gateway.Family() == IPFamily.V4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding", "1");
        });
        AddHost(paths.OutsideNamespace, Outside, "outside");
    }

    /// <summary>The addresses of the host at a place, counted from 0, one of each network; null where the segment is full.</summary>
    public ImmutableArray<IPAddress>? HostAddresses(int place)
    {
        var addresses = cidrs.Select(cidr => AddressAt(cidr, (UInt128)place + 2)).ToImmutableArray();
        var isFull = addresses.Where((address, i) => !cidrs[i].Contains(address) || address.Equals(Outside[i])).Any();
        return isFull ? null : addresses;
    }

    /// <summary>Makes a namespace and puts it on the segment. Nothing is left of it where that fails.</summary>
    /// <param name="alias">For whoever looks at the fabric's links.</param>
    public void AddHost(string @namespace, ImmutableArray<IPAddress> addresses, string alias)
    {
        using var host = NetworkNamespace.CreateNamed(@namespace);
        try
        {
            using var fabric = NetworkNamespace.OpenNamed(paths.FabricNamespace);
            using (var links = RouteSocket.OpenIn(fabric))
            {
                var port = PortName(@namespace);
                links.Execute(new RouteRequests().CreateVeth(
                    new VethPair(port, HostDevice) { PeerNamespace = host, Alias = alias, Up = true }));
                links.Execute(new RouteRequests().SetMaster(links.GetLink(port).Index, links.GetLink(BridgeName).Index));
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

    private static string PortName(string @namespace) =>
        "pn" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(@namespace)))[..10];

    /// <summary>Nobody else can have it: all addresses of the segment are given here.</summary>
    private Address AddressOn(int device, int network, IPAddress address) => new(device, address, cidrs[network].PrefixLength)
    {
        Flags = address.Family() == IPFamily.V6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None,
    };

    private static IPNetwork DefaultOf(IPAddress address) => address.Family() == IPFamily.V4 ? Everywhere : EverywhereV6;

    private static IPAddress AddressAt(IPNetwork cidr, UInt128 offset)
    {
        var bytes = cidr.BaseAddress.GetAddressBytes();
        var value = bytes.Aggregate(UInt128.Zero, (sum, b) => (sum << 8) | b) + offset;
        for (var i = bytes.Length - 1; i >= 0; i--, value >>= 8)
            bytes[i] = (byte)(value & 0xFF);
        return new IPAddress(bytes);
    }
}
