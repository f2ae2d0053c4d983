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

    public List<Link> Links()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(RouteWire.GetLink, NetlinkFlags.Dump);
        writer.PutFixed(new LinkHeader());
        request.End(writer, "list interfaces");
        return _socket.Dump(request, RouteDecoder.Link);
    }

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

    /// <summary>
    /// Which way a packet would leave, by the kernel's own lookup (as <c>ip route get</c>): device, gateway, source address.
    /// Type Local says that it is for this node itself. Errors: ENETUNREACH, EHOSTUNREACH, EACCES as routes say.
    /// </summary>
    /// <param name="source">Must be an address of this node, unless an input device says that it came from outside.</param>
    /// <param name="mark">The packet's mark.</param>
    /// <param name="inputDevice">The interface that it came in by, for a packet to forward; 0 for one of this node's own.</param>
    public Route Lookup(IPAddress destination, IPAddress? source = null, uint mark = 0, int inputDevice = 0)
    {
        var family = AddressFamily.Of(destination);
        var bits = (byte)(8 * AddressFamily.LengthOf(destination));
        var request = new NetlinkBatch();
        var writer = request.Begin(GetRoute, NetlinkFlags.None);
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
        return _socket.Get(request, RouteDecoder.Route)
            ?? throw NetlinkFormat.Broken($"a route to {destination} of another family");
    }

    public void Dispose() => _socket.Dispose();

    private List<Route> Routes(byte family, RouteProtocol protocol)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(GetRoute, NetlinkFlags.Dump);
        writer.PutFixed(new RouteHeader { Family = family, Protocol = (byte)protocol });
        request.End(writer, "list routes");
        return _socket.Dump(request, message => RouteDecoder.IsCloned(message) ? null : RouteDecoder.Route(message));
    }
}
