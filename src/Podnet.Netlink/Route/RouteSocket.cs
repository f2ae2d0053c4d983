using System.Net;
using Podnet.Linux;
using static Podnet.Netlink.RouteWire;

namespace Podnet.Netlink;

/// <summary>
/// Links, addresses, routes and neighbours of one network namespace: the one that the calling thread is in when this is made
/// (<see cref="NetworkNamespace.Run{T}"/>); it may be used on any thread after that, one at a time.
/// </summary>
public sealed class RouteSocket : IDisposable
{
    private readonly NetlinkSocket _socket = NetlinkSocket.Open(NetlinkProtocol.Route);

    /// <summary>A socket in another namespace than the caller's.</summary>
    public static RouteSocket OpenIn(NetworkNamespace @namespace) => @namespace.Run(() => new RouteSocket());

    /// <summary>Carries out changes in their order; throws the first failure. Those after it have been tried all the same.</summary>
    public void Execute(RouteRequests requests) => _socket.Execute(requests.Batch);

    /// <summary>Carries out changes, each for itself: in their order, null or the error of each.</summary>
    public KernelException?[] ExecuteEach(RouteRequests requests) => _socket.ExecuteEach(requests.Batch);

    /// <summary>Makes a pair as <see cref="RouteRequests.CreateVeth"/> does, and gives this end. Errors: EEXIST where either name is taken; then nothing is made.</summary>
    public Link CreateVeth(VethPair pair)
    {
        var request = new RouteRequests().CreateVeth(pair).Batch;
        var made = new List<Link>(1);
        if (_socket.GetAll(request, RouteDecoder.Link, made) is { } failure)
            throw failure;
        // Looking for it takes longer: the kernel waits until it knows whether the link carries (net/core/rtnetlink.c, rtnl_getlink).
        return made is [var link] ? link : GetLink(pair.Name);
    }

    /// <summary>
    /// Deletes a link of the calling thread's namespace, of a veth pair both ends, and returns when nobody sees it any more, nor its addresses,
    /// routes and neighbours. What the kernel then still does takes 30 times as long: it waits for whoever might hold on to the link's memory
    /// (a grace period of RCU, 15 to 20 ms), and keeps the process that asked for it waiting. That is a child's part; whatever becomes of the
    /// child, its request goes on. No link of that name is fine.
    /// </summary>
    public static void DeleteLinkInChild(string name)
    {
        using var looking = new RouteSocket();
        if (looking.FindLink(name) is not { } link)
            return;
        using var deleting = new RouteSocket();
        if (deleting._socket.TryExecuteInChild(new RouteRequests().DeleteLink(link.Index).Batch) is not { } child)
        {
            if (looking.ExecuteEach(new RouteRequests().DeleteLink(link.Index))[0] is { Errno: not Errno.NoDevice } refused)
                throw refused;
            return;
        }

        while (true)
        {
            // The kernel answers who looks for a link when nobody is changing one: not in the middle of it.
            var result = child.ResultIfDone();
            if (result is Errno.None or Errno.NoDevice || looking.FindLink(name)?.Index != link.Index)
                return;
            if (result is { } failure)
                throw new KernelException(failure, $"delete interface {name}");
            Thread.Yield();
        }
    }

    /// <summary>Null where there is no link of that name.</summary>
    public Link? FindLink(string name)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(RouteWire.GetLink, NetlinkFlags.None);
        writer.PutFixed(new LinkHeader());
        writer.PutText(LinkAttribute.Name, name);
        request.End(writer, $"look up interface {name}");
        try
        {
            return _socket.Get(request, RouteDecoder.Link);
        }
        catch (KernelException e) when (e.Errno == Errno.NoDevice)
        {
            return null;
        }
    }

    /// <summary>Errors: ENODEV where there is no link of that name.</summary>
    public Link GetLink(string name) => FindLink(name) ?? throw new KernelException(Errno.NoDevice, $"look up interface {name}");

    /// <summary>Errors: ENODEV where there is none of that index.</summary>
    public Link GetLink(int index)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(RouteWire.GetLink, NetlinkFlags.None);
        writer.PutFixed(new LinkHeader { Index = index });
        request.End(writer, $"look up interface {index}");
        return _socket.Get(request, RouteDecoder.Link) ?? throw NetlinkFormat.Broken($"interface {index} is none");
    }

    /// <summary>
    /// Whether routes can say what their packets are wrapped in: the kernel is asked to replace a route that cannot be there, and looks
    /// at the kind of encapsulation before it looks for the route.
    /// </summary>
    public bool HasLightweightTunnels()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(NewRoute, NetlinkFlags.Ack | NetlinkFlags.Replace);
        writer.PutFixed(new RouteHeader { Family = AddressFamily.IPv4, DestinationLength = 32, Table = (byte)Route.MainTable, Type = (byte)RouteType.Unicast });
        writer.PutAddress(RouteAttribute.Destination, IPAddress.Broadcast);
        var nested = writer.BeginNested(RouteAttribute.Encapsulation);
        writer.PutAddress(TunnelAttribute.Destination, IPAddress.Loopback);
        writer.EndNested(nested);
        writer.PutU16(RouteAttribute.EncapsulationType, TunnelAttribute.IPv4);
        writer.PutU32(RouteAttribute.OutputDevice, 1); // lo
        request.End(writer, "ask for lightweight tunnels");
        return _socket.ExecuteEach(request)[0] is not { Errno: Errno.NotSupported };
    }

    public List<Link> Links()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(RouteWire.GetLink, NetlinkFlags.Dump);
        writer.PutFixed(new LinkHeader());
        request.End(writer, "list interfaces");
        return _socket.Dump(request, RouteDecoder.Link);
    }

    /// <summary>What holds what a link sends to a rate; null where nothing does, nor is there such a link.</summary>
    public TokenBucket? FindTokenBucket(int device)
    {
        // A get for one link is answered to all who listen, and to who asked only with NLM_F_ECHO (net/sched/sch_api.c).
        return _socket.Dump(AllQueues(), message => QueueWire.IsRootOf(message, device) ? QueueWire.Read(message) : null).FirstOrDefault();
    }

    /// <summary>Of all links, also those that the kernel gave them unasked.</summary>
    public List<LinkQueue> Queues() => _socket.Dump(AllQueues(), QueueWire.ReadQueue);

    /// <summary>BPF programs that see what comes in by a link; none where it has no places for filters.</summary>
    public List<AttachedProgram> Programs(int device) => _socket.Dump(FiltersOf(device, QueueWire.QueueHeader.Ingress), QueueWire.ReadProgram);

    /// <summary>Whether a link has filters of any kind, for either direction, in the places for them.</summary>
    public bool HasFilters(int device) =>
        ((uint[])[QueueWire.QueueHeader.Ingress, QueueWire.QueueHeader.Egress]).Any(parent => _socket.Dump(FiltersOf(device, parent), _ => "").Count > 0);

    /// <summary>Of one interface, or of all where the index is 0; both families.</summary>
    public List<Address> Addresses(int device = 0)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(GetAddress, NetlinkFlags.Dump);
        writer.PutFixed(new AddressHeader { Index = device });
        request.End(writer, "list addresses");
        return _socket.Dump(request, RouteDecoder.Address);
    }

    /// <summary>Of all tables and both families, or those of one protocol alone: the kernel picks them.</summary>
    public List<Route> Routes(RouteProtocol protocol = RouteProtocol.Unspecified)
    {
        var routes = Routes(AddressFamily.IPv4, protocol);
        routes.AddRange(Routes(AddressFamily.IPv6, protocol));
        return routes;
    }

    /// <summary>Of one interface, or of all where the index is 0; both families.</summary>
    public List<Neighbour> Neighbours(int device = 0)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(GetNeighbour, NetlinkFlags.Dump);
        writer.PutFixed(new NeighbourHeader());
        if (device != 0)
            writer.PutU32(NeighbourAttribute.Device, (uint)device);
        request.End(writer, "list neighbours");
        return _socket.Dump(request, RouteDecoder.Neighbour);
    }

    /// <summary>Of a VXLAN device.</summary>
    public List<ForwardingEntry> ForwardingEntries(int device)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(GetNeighbour, NetlinkFlags.Dump);
        writer.PutFixed(new NeighbourHeader { Family = AddressFamily.Bridge });
        writer.PutU32(NeighbourAttribute.Device, (uint)device);
        request.End(writer, "list forwarding entries");
        // The kernel sends those of all devices where it does not know this way to ask for one (before Linux 5.0).
        return _socket.Dump(request, message => RouteDecoder.ForwardingEntry(message) is { } entry && entry.Device == device ? entry : null);
    }

    /// <summary>Those that choose a table, of both families, in the order in which they are asked.</summary>
    public List<PolicyRule> Rules()
    {
        var rules = new List<PolicyRule>();
        foreach (var family in (ReadOnlySpan<byte>)[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            var request = new NetlinkBatch();
            var writer = request.Begin(GetRule, NetlinkFlags.Dump);
            writer.PutFixed(new RuleHeader { Family = family });
            request.End(writer, "list rules");
            rules.AddRange(_socket.Dump(request, RouteDecoder.PolicyRule));
        }

        return rules;
    }

    /// <summary>
    /// Which way a packet would leave, by the kernel's own lookup (as <c>ip route get</c>): device, gateway, source address.
    /// Type Local says that it is for this node itself. Errors: ENETUNREACH, EHOSTUNREACH, EACCES as routes say.
    /// </summary>
    /// <param name="source">Must be an address of this node, unless an input device says that it came from outside.</param>
    /// <param name="mark">The packet's mark.</param>
    /// <param name="inputDevice">The interface that it came in by, for a packet to forward; 0 for one of this node's own.</param>
    public Route Lookup(IPAddress destination, IPAddress? source = null, uint mark = 0, int inputDevice = 0) =>
        _socket.Get(LookupOf(destination, NetlinkFlags.None, source, mark, inputDevice), RouteDecoder.Route)
            ?? throw NetlinkFormat.Broken($"a route to {destination} of another family");

    /// <summary>Whether packets for it end here: it is an address of this node, or the broadcast address of one of its links.</summary>
    public bool IsOwn(IPAddress address)
    {
        List<Route> routes = [];
        // That there is none, as for most addresses of a node without a default route, is no exception.
        _socket.GetAll(LookupOf(address, NetlinkFlags.Ack), RouteDecoder.Route, routes);
        return routes is [{ Type: RouteType.Local or RouteType.Broadcast }];
    }

    public void Dispose() => _socket.Dispose();

    private static NetlinkBatch AllQueues()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(QueueWire.Get, NetlinkFlags.Dump);
        writer.PutFixed(new QueueWire.QueueHeader());
        request.End(writer, "list queueing disciplines");
        return request;
    }

    private static NetlinkBatch FiltersOf(int device, uint parent)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(QueueWire.GetFilter, NetlinkFlags.Dump);
        writer.PutFixed(new QueueWire.QueueHeader { Index = device, Parent = parent });
        request.End(writer, $"list filters of interface {device}");
        return request;
    }

    private static NetlinkBatch LookupOf(IPAddress destination, NetlinkFlags flags, IPAddress? source = null, uint mark = 0, int inputDevice = 0)
    {
        var family = AddressFamily.Of(destination);
        var bits = (byte)(8 * AddressFamily.LengthOf(destination));
        var request = new NetlinkBatch();
        var writer = request.Begin(GetRoute, flags);
        writer.PutFixed(new RouteHeader
        {
            Family = family,
            DestinationLength = bits,
            SourceLength = source is null ? (byte)0 : bits,
        });
        writer.PutAddress(RouteAttribute.Destination, destination);
        if (source is not null)
            writer.PutAddress(RouteAttribute.Source, source);
        if (mark != 0)
            writer.PutU32(RouteAttribute.Mark, mark);
        if (inputDevice != 0)
            writer.PutU32(RouteAttribute.InputDevice, (uint)inputDevice);
        request.End(writer, $"look up the route to {destination}");
        return request;
    }

    private List<Route> Routes(byte family, RouteProtocol protocol)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(GetRoute, NetlinkFlags.Dump);
        writer.PutFixed(new RouteHeader { Family = family, Protocol = (byte)protocol });
        request.End(writer, "list routes");
        return _socket.Dump(request, message => RouteDecoder.IsCloned(message) ? null : RouteDecoder.Route(message));
    }
}
