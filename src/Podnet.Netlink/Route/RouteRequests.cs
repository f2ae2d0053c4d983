using static Podnet.Netlink.RouteWire;

namespace Podnet.Netlink;

/// <summary>
/// Changes to addresses, routes and neighbours, to be carried out by <see cref="RouteSocket.Execute"/> in their order and
/// in as few system calls as there can be: <c>new RouteRequests().SetUp(3).AddAddress(…).AddRoute(…)</c>.
/// </summary>
/// <remarks>
/// It is not a transaction: each request succeeds or fails for itself. The names of devices are resolved before, because
/// the kernel takes indexes alone here.
/// </remarks>
public sealed partial class RouteRequests
{
    private const NetlinkFlags New = NetlinkFlags.Ack | NetlinkFlags.Create | NetlinkFlags.Exclusive;
    private const NetlinkFlags NewOrReplace = NetlinkFlags.Ack | NetlinkFlags.Create | NetlinkFlags.Replace;

    internal NetlinkBatch Batch { get; } = new();

    public int Count => Batch.Count;

    /// <summary>
    /// Adds an address. An IPv6 one should have <see cref="AddressFlags.NoDuplicateDetection"/> where nobody else can have it.
    /// Errors: EEXIST.
    /// </summary>
    public RouteRequests AddAddress(Address address) => PutAddress(NewAddress, New, address, "add");

    /// <summary>Errors: EADDRNOTAVAIL where it is not there.</summary>
    public RouteRequests DeleteAddress(Address address) => PutAddress(RouteWire.DeleteAddress, NetlinkFlags.Ack, address, "delete");

    /// <summary>Errors: EEXIST; ENETUNREACH where the gateway is on no link of ours; ENODEV.</summary>
    public RouteRequests AddRoute(Route route) => PutRoute(NewRoute, New, route, "add");

    /// <summary>Adds it, or replaces the one with the same destination, table and metric.</summary>
    public RouteRequests ReplaceRoute(Route route) => PutRoute(NewRoute, NewOrReplace, route, "replace");

    /// <summary>Deletes the first route that has everything which is given here. Errors: ESRCH where none has.</summary>
    public RouteRequests DeleteRoute(Route route) => PutRoute(RouteWire.DeleteRoute, NetlinkFlags.Ack, route, "delete");

    /// <summary>Errors: EEXIST.</summary>
    public RouteRequests AddNeighbour(Neighbour neighbour) => PutNeighbour(NewNeighbour, New, neighbour, "add");

    public RouteRequests ReplaceNeighbour(Neighbour neighbour) => PutNeighbour(NewNeighbour, NewOrReplace, neighbour, "replace");

    /// <summary>Errors: ENOENT where it is not there.</summary>
    public RouteRequests DeleteNeighbour(Neighbour neighbour) =>
        PutNeighbour(RouteWire.DeleteNeighbour, NetlinkFlags.Ack, neighbour, "delete");

    private RouteRequests PutAddress(ushort type, NetlinkFlags flags, Address address, string verb)
    {
        var writer = Batch.Begin(type, flags);
        writer.PutFixed(new AddressHeader
        {
            Family = AddressFamily.Of(address.Ip),
            PrefixLength = (byte)address.PrefixLength,
            Flags = (byte)address.Flags,
            Scope = (byte)address.Scope,
            Index = address.Device,
        });
        // Local is ours, Address the other end's on a point-to-point link; they are the same on any other (linux/if_addr.h).
        writer.PutAddress(AddressAttribute.Local, address.Ip);
        writer.PutAddress(AddressAttribute.Address, address.Ip);
        Batch.End(writer, $"{verb} address {address} on interface {address.Device}");
        return this;
    }

    private RouteRequests PutRoute(ushort type, NetlinkFlags flags, Route route, string verb)
    {
        var writer = Batch.Begin(type, flags);
        writer.PutFixed(new RouteHeader
        {
            Family = AddressFamily.Of(route.Destination.BaseAddress),
            DestinationLength = (byte)route.Destination.PrefixLength,
            Table = route.Table <= byte.MaxValue ? (byte)route.Table : (byte)0,
            Protocol = (byte)route.Protocol,
            Scope = (byte)route.Scope,
            Type = (byte)route.Type,
            Flags = route.OnLink ? RouteHeader.OnLink : 0,
        });
        if (route.Destination.PrefixLength > 0)
            writer.PutAddress(RouteAttribute.Destination, route.Destination.BaseAddress);
        if (route.Encapsulation is { } encapsulation)
            PutEncapsulation(ref writer, encapsulation);
        if (route.Gateway is { } gateway)
            writer.PutAddress(RouteAttribute.Gateway, gateway);
        if (route.Device != 0)
            writer.PutU32(RouteAttribute.OutputDevice, (uint)route.Device);
        if (route.PreferredSource is { } source)
            writer.PutAddress(RouteAttribute.PreferredSource, source);
        if (route.Metric != 0)
            writer.PutU32(RouteAttribute.Priority, route.Metric);
        if (route.Table > byte.MaxValue)
            writer.PutU32(RouteAttribute.Table, route.Table);
        if (route.Mtu != 0)
        {
            var metrics = writer.BeginPlainNested(RouteAttribute.Metrics);
            writer.PutU32(RouteAttribute.MetricMtu, route.Mtu);
            writer.EndNested(metrics);
        }

        Batch.End(writer, Describe(verb, route));
        return this;
    }

    private static void PutEncapsulation(ref NetlinkWriter writer, Encapsulation encapsulation)
    {
        var nested = writer.BeginNested(RouteAttribute.Encapsulation);
        writer.PutU64BigEndian(TunnelAttribute.Id, encapsulation.Id);
        writer.PutAddress(TunnelAttribute.Destination, encapsulation.Destination);
        if (encapsulation.Checksum)
            writer.PutU16BigEndian(TunnelAttribute.Flags, TunnelAttribute.Checksum);
        writer.EndNested(nested);
        var ipv4 = AddressFamily.Of(encapsulation.Destination) == AddressFamily.IPv4;
        writer.PutU16(RouteAttribute.EncapsulationType, ipv4 ? TunnelAttribute.IPv4 : TunnelAttribute.IPv6);
    }

    private RouteRequests PutNeighbour(ushort type, NetlinkFlags flags, Neighbour neighbour, string verb)
    {
        var writer = Batch.Begin(type, flags);
        writer.PutFixed(new NeighbourHeader
        {
            Family = AddressFamily.Of(neighbour.Ip),
            Index = neighbour.Device,
            State = (ushort)neighbour.State,
        });
        writer.PutAddress(NeighbourAttribute.Destination, neighbour.Ip);
        if (neighbour.LinkAddress is { } mac)
            writer.PutMac(NeighbourAttribute.LinkAddress, mac);
        Batch.End(writer, $"{verb} neighbour {neighbour.Ip} on interface {neighbour.Device}");
        return this;
    }

    private static OperationText Describe(string verb, Route route)
    {
        if (route.Encapsulation is { } tunnel)
            return $"{verb} route {route.Destination} encap to {tunnel.Destination}";
        if (route.Gateway is { } gateway)
            return $"{verb} route {route.Destination} via {gateway}";
        if (route.Device != 0)
            return $"{verb} route {route.Destination} on interface {route.Device}";
        return $"{verb} route {route.Destination}";
    }
}
