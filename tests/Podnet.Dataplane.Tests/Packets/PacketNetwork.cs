using System.Net;
using System.Net.Sockets;
using System.Text;
using Podnet.Core.Model;
using Podnet.Core.Trace;
using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Testing;

namespace Podnet.Dataplane.Tests.Packets;

/// <summary>
/// The places of packets/rows.txt as namespaces: node-1 with a pod for every address that a row needs, wired as the CNI plugin does,
/// and on one segment with it node-2 with all other endpoints, outside, and the rest of the world, where packets arrive that no
/// rule has a say in. Whom a row may reach, in whichever mode, answers.
/// </summary>
public sealed class PacketNetwork : IDisposable
{
    private const string Gateway4 = "169.254.1.1";
    private const string Gateway6 = "fe80::1";
    private static readonly MacAddress NodeEnd = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress PodEnd = MacAddress.Parse("02:00:00:00:00:02");

    private readonly Kernel _world = new();
    private readonly Kernel _otherNode = new();
    private readonly Kernel _outside = new();
    private readonly Dictionary<IPAddress, Kernel> _pods = [];
    private readonly List<EchoServer> _servers = [];

    public PacketNetwork()
    {
        ConnectMachines();
        foreach (var pod in PacketTable.Rows.SelectMany(r => r.Scenario.PodsHere).Distinct())
            AddPod(pod);
        foreach (var client in PacketTable.Rows.Select(r => r.From).Where(a => PlaceOfClient(a) == _outside).Distinct().Except(Both(PacketPlaces.Outside)))
            AddAddress(_outside, client);
        foreach (var place in PacketTable.Rows.SelectMany(Answering).Distinct())
            Serve(place.Protocol, place.Target);
    }

    public Kernel Node { get; } = new();

    /// <summary>A socket where the client is, bound to its address.</summary>
    public Socket OpenClient(PacketRow row) => PlaceOfClient(row.From).In(() =>
    {
        var socket = EchoServer.NewSocket(row.Protocol, row.From);
        socket.Bind(new IPEndPoint(row.From, 0));
        return socket;
    });

    public void Dispose()
    {
        foreach (var server in _servers)
            server.Dispose();
        foreach (var kernel in _pods.Values.Append(Node).Append(_world).Append(_otherNode).Append(_outside))
            kernel.Dispose();
    }

    private static IEnumerable<(Protocol Protocol, PacketTarget Target)> Answering(PacketRow row)
    {
        if (row.Protocol == Protocol.Sctp)
            yield break;
        foreach (var outcome in row.Iptables.Concat(row.Nftables))
        {
            if (outcome == "untouched")
                yield return (row.Protocol, row.To);
            else if (IPEndPoint.TryParse(outcome.Split(' ')[0], out var endpoint))
                yield return (row.Protocol, new PacketTarget(endpoint.Address, (ushort)endpoint.Port));
        }
    }

    private static IEnumerable<IPAddress> Both((IPAddress V4, IPAddress V6) addresses) => [addresses.V4, addresses.V6];

    private Kernel PlaceOfClient(IPAddress address) =>
        PacketPlaces.IsNode(address) ? Node : _pods.TryGetValue(address, out var pod) ? pod : _outside;

    private void Serve(Protocol protocol, PacketTarget target)
    {
        var place = _world;
        if (PacketPlaces.IsNode(target.Address))
            place = Node;
        else if (_pods.TryGetValue(target.Address, out var pod))
            place = pod;
        else if (PacketPlaces.OtherNode.Contains(target.Address) || PacketTable.Rows.Any(r => r.Scenario.Endpoints.Any(e => e.Address.Equals(target.Address))))
            place = _otherNode;
        if (place == _world || (place == _otherNode && !PacketPlaces.OtherNode.Contains(target.Address)))
            AddAddress(place, target.Address);
        _servers.Add(place.In(() => new EchoServer(protocol, target)));
    }

    private void ConnectMachines()
    {
        foreach (var kernel in (Kernel[])[Node, _world, _otherNode, _outside])
            Prepare(kernel);
        Node.In(() =>
        {
            Sysctl.Ensure("net.ipv4.ip_forward", "1");
            Sysctl.Ensure("net.ipv6.conf.all.forwarding", "1");
            Sysctl.Ensure("net.ipv4.conf.all.route_localnet", "1");
            Sysctl.Ensure("net.ipv4.conf.all.send_redirects", "0");
            Sysctl.Ensure("net.ipv4.conf.default.send_redirects", "0");
            // Many rows are refused at once, and the kernel would tell so only a few of them.
            Sysctl.Ensure("net.ipv4.icmp_ratelimit", "0");
            Sysctl.Ensure("net.ipv6.icmp.ratelimit", "0");
        });
        Ip(_world, "link add br0 type bridge", "link set br0 up", "address add 10.99.0.1/24 dev br0", "address add fd00:99::1/64 dev br0 nodad");
        foreach (var (name, kernel, last) in ((string, Kernel, string)[])[("node", Node, "2"), ("other", _otherNode, "3"), ("outside", _outside, "254")])
        {
            Wire(_world, name, kernel, PacketPlaces.Uplink, null, null);
            Ip(_world, $"link set {name} master br0");
            Ip(kernel, $"address add 10.99.0.{last}/24 dev eth0", $"address add fd00:99::{(last == "254" ? "fe" : last)}/64 dev eth0 nodad");
        }

        Ip(Node, "address add 10.98.0.2/32 dev eth0", "address add fd00:98::2/128 dev eth0 nodad", "route add default via 10.99.0.1",
            "route add ::/0 via fd00:99::1",
            "route add 10.240.0.0/16 via 10.99.0.3", "route add fd00:240::/56 via fd00:99::3", "route add 203.0.113.0/24 via 10.99.0.254", "route add 198.51.100.129 via 10.99.0.254",
            "route add 2001:db8:113::/64 via fd00:99::fe");
        foreach (var kernel in (Kernel[])[_outside, _world, _otherNode])
            Ip(kernel, "route add default via 10.99.0.2", "route add ::/0 via fd00:99::2");
        // Else replies would go past the node, whose rules drop what conntrack then takes for invalid.
        Ip(_world, "route add 10.99.0.254 via 10.99.0.2", "route add fd00:99::fe via fd00:99::2");
    }

    private void AddPod(IPAddress address)
    {
        var pod = new Kernel();
        _pods.Add(address, pod);
        Prepare(pod);
        var link = PacketPlaces.LinkOf(address);
        Wire(Node, link, pod, "eth0", NodeEnd, PodEnd);
        var gateway = address.Family() == IPFamily.V4 ? Gateway4 : Gateway6;
        Ip(pod, $"address add {Host(address)} dev eth0{NoDad(address)}", $"neighbour add {gateway} lladdr {NodeEnd} dev eth0 nud permanent",
            $"route add {gateway} dev eth0", $"route add {(address.Family() == IPFamily.V4 ? "0.0.0.0/0" : "::/0")} via {gateway} dev eth0");
        Ip(Node, $"route add {Host(address)} dev {link}", $"neighbour add {address} lladdr {PodEnd} dev {link} nud permanent");
    }

    private static void AddAddress(Kernel kernel, IPAddress address) => Ip(kernel, $"address replace {Host(address)} dev lo{NoDad(address)}");

    private static string Host(IPAddress address) => $"{address}/{address.Family().Bits()}";

    private static string NoDad(IPAddress address) => address.Family() == IPFamily.V4 ? "" : " nodad";

    private static void Prepare(Kernel kernel) => kernel.In(() =>
    {
        foreach (var scope in (string[])["all", "default"])
        {
            Sysctl.Ensure($"net.ipv4.conf.{scope}.accept_redirects", "0");
            Sysctl.Ensure($"net.ipv6.conf.{scope}.accept_redirects", "0");
            Sysctl.Ensure($"net.ipv4.conf.{scope}.rp_filter", "0");
            Sysctl.Ensure($"net.ipv6.conf.{scope}.accept_dad", "0");
        }
    });

    private static void Wire(Kernel here, string name, Kernel there, string peer, MacAddress? address, MacAddress? peerAddress)
    {
        using var socket = RouteSocket.OpenIn(here.Namespace);
        socket.Execute(new RouteRequests().CreateVeth(
            new VethPair(name, peer) { PeerNamespace = there.Namespace, Address = address, PeerAddress = peerAddress, Up = true }));
        Ip(there, $"link set {peer} up");
    }

    /// <summary>Commands of ip(8), run by one process.</summary>
    private static void Ip(Kernel kernel, params string[] commands) => kernel.In(() =>
    {
        var input = Encoding.ASCII.GetBytes(string.Join('\n', commands.Select(c => c.Trim())) + "\n");
        var result = ChildProcess.Run(new ProcessStart("ip", ["-batch", "-"]), input, ChildProcess.DefaultTimeout);
        if (!result.Succeeded)
            throw new InvalidOperationException($"ip: {result.StandardError}: {string.Join("; ", commands)}");
    });
}
