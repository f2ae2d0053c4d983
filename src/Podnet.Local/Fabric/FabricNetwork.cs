using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
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
public sealed class FabricNetwork(ClusterPaths paths, IPNetwork cidr)
{
    private const string BridgeName = "pn-fabric";
    private const string HostDevice = "eth0";
    private const int Loopback = 1; // lo is the first link of every namespace

    /// <summary>The first address: where nodes find the API server.</summary>
    public IPAddress Gateway { get; } = AddressAt(cidr, 1);

    /// <summary>The last address: a host that is on the fabric and not in the cluster.</summary>
    public IPAddress Outside { get; } = AddressAt(cidr, (1L << (32 - cidr.PrefixLength)) - 2);

    /// <summary>Makes the segment and outside.</summary>
    public void Create()
    {
        using var fabric = NetworkNamespace.CreateNamed(paths.FabricNamespace);
        fabric.Run(() =>
        {
            using var links = new RouteSocket();
            links.Execute(new RouteRequests().SetUp(Loopback).CreateBridge(BridgeName, up: true));
            var bridge = links.GetLink(BridgeName).Index;
            links.Execute(new RouteRequests()
                .AddAddress(new Address(bridge, Gateway, cidr.PrefixLength))
                .AddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { Type = RouteType.Unreachable }));
            Sysctl.Ensure("net.ipv4.ip_forward", "1"); // so that the unreachable route answers
        });
        AddHost(paths.OutsideNamespace, Outside, "outside");
    }

    /// <summary>The address of the host at a place, counted from 0; null where the segment is full.</summary>
    public IPAddress? HostAddress(int place)
    {
        var address = AddressAt(cidr, place + 2L);
        return cidr.Contains(address) && !address.Equals(Outside) ? address : null;
    }

    /// <summary>Makes a namespace and puts it on the segment. Nothing is left of it where that fails.</summary>
    /// <param name="alias">For whoever looks at the fabric's links.</param>
    public void AddHost(string @namespace, IPAddress address, string alias)
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
            inside.Execute(new RouteRequests()
                .SetUp(Loopback)
                .SetUp(device) // the kernel sets up one end of a pair alone where the other is made in another namespace
                .AddAddress(new Address(device, address, cidr.PrefixLength))
                .AddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { Device = device, Gateway = Gateway }));
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

    private static IPAddress AddressAt(IPNetwork cidr, long offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        cidr.BaseAddress.TryWriteBytes(bytes, out _);
        var first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)(first + offset));
        return new IPAddress(bytes);
    }
}
