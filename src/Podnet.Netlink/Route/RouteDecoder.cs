using System.Net;
using static Podnet.Netlink.RouteWire;

namespace Podnet.Netlink;

/// <summary>rtnetlink's replies as records.</summary>
internal static class RouteDecoder
{
    internal static Link Link(NetlinkMessage message)
    {
        var header = message.Fixed<LinkHeader>();
        var link = new Link(header.Index, "") { Flags = (LinkFlags)header.Flags };
        var attributes = message.AttributesAfter<LinkHeader>();
        while (attributes.MoveNext())
        {
            link = attributes.Type switch
            {
                LinkAttribute.Name => link with { Name = attributes.Text },
                LinkAttribute.Mtu => link with { Mtu = (int)attributes.U32 },
                LinkAttribute.Address => link with { Address = attributes.Mac },
                LinkAttribute.Alias => link with { Alias = attributes.Text },
                LinkAttribute.Link => link with { PeerIndex = (int)attributes.U32 },
                LinkAttribute.LinkNamespaceId => link with { PeerNamespaceId = (int)attributes.U32 },
                LinkAttribute.Group => link with { Group = attributes.U32 },
                LinkAttribute.Master => link with { Master = (int)attributes.U32 },
                LinkAttribute.Info => With(link, attributes.Nested),
                _ => link,
            };
        }

        return link;
    }

    internal static ForwardingEntry? ForwardingEntry(NetlinkMessage message) =>
        Neighbour(message) is { LinkAddress: { } mac } entry ? new ForwardingEntry(entry.Device, mac, entry.Ip) : null;

    /// <summary>Null for a rule that does anything else than choose a table.</summary>
    internal static PolicyRule? PolicyRule(NetlinkMessage message)
    {
        var header = message.Fixed<RuleHeader>();
        if (header.Action != RuleHeader.ToTable || header.Family is not (AddressFamily.IPv4 or AddressFamily.IPv6))
            return null;
        var source = AddressFamily.Any(header.Family);
        var rule = new PolicyRule(default, header.Table, 0) { Protocol = RouteProtocol.Unspecified };
        var attributes = message.AttributesAfter<RuleHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case RuleAttribute.Source:
                    source = attributes.Address;
                    break;
                case RuleAttribute.Priority:
                    rule = rule with { Priority = attributes.U32 };
                    break;
                case RuleAttribute.Table:
                    rule = rule with { Table = attributes.U32 };
                    break;
                case RuleAttribute.Protocol:
                    rule = rule with { Protocol = (RouteProtocol)attributes.U8 };
                    break;
                default:
                    break;
            }
        }

        return header.SourceLength <= 8 * AddressFamily.LengthOf(source)
            ? rule with { Source = new IPNetwork(source, header.SourceLength) }
            : throw NetlinkFormat.Broken($"a rule for {source}/{header.SourceLength}");
    }

    internal static Address? Address(NetlinkMessage message)
    {
        var header = message.Fixed<AddressHeader>();
        var flags = (AddressFlags)header.Flags;
        IPAddress? local = null;
        IPAddress? other = null;
        var attributes = message.AttributesAfter<AddressHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case AddressAttribute.Local:
                    local = attributes.Address;
                    break;
                case AddressAttribute.Address:
                    other = attributes.Address;
                    break;
                case AddressAttribute.Flags:
                    flags = (AddressFlags)attributes.U32;
                    break;
                default:
                    break;
            }
        }

        // IPv6 sends IFA_LOCAL only on point-to-point links.
        return (local ?? other) is { } ip
            ? new Address(header.Index, ip, header.PrefixLength) { Scope = (RouteScope)header.Scope, Flags = flags }
            : null;
    }

    /// <summary>Null for what is neither IPv4 nor IPv6.</summary>
    internal static Route? Route(NetlinkMessage message)
    {
        var header = message.Fixed<RouteHeader>();
        if (header.Family is not (AddressFamily.IPv4 or AddressFamily.IPv6))
            return null;
        var destination = AddressFamily.Any(header.Family);
        var route = new Route(default(IPNetwork))
        {
            Protocol = (RouteProtocol)header.Protocol,
            Scope = (RouteScope)header.Scope,
            Type = (RouteType)header.Type,
            Table = header.Table,
            OnLink = (header.Flags & RouteHeader.OnLink) != 0,
        };
        var attributes = message.AttributesAfter<RouteHeader>();
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case RouteAttribute.Destination:
                    destination = attributes.Address;
                    break;
                default:
                    route = With(route, attributes);
                    break;
            }
        }

        if (header.DestinationLength > 8 * AddressFamily.LengthOf(destination))
            throw NetlinkFormat.Broken($"a route to {destination}/{header.DestinationLength}");
        return route with { Destination = new IPNetwork(destination, header.DestinationLength) };
    }

    /// <summary>A route that the kernel has for itself, as a learned path MTU, is no entry of a table.</summary>
    internal static bool IsCloned(NetlinkMessage message) =>
        (message.Fixed<RouteHeader>().Flags & RouteHeader.Cloned) != 0;

    internal static Neighbour? Neighbour(NetlinkMessage message)
    {
        var header = message.Fixed<NeighbourHeader>();
        IPAddress? ip = null;
        MacAddress? mac = null;
        var attributes = message.AttributesAfter<NeighbourHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type == NeighbourAttribute.Destination)
                ip = attributes.Address;
            else if (attributes.Type == NeighbourAttribute.LinkAddress)
                mac = attributes.Mac;
        }

        return ip is null ? null : new Neighbour(header.Index, ip, mac) { State = (NeighbourState)header.State };
    }

    private static Route With(Route route, AttributeReader attribute) => attribute.Type switch
    {
        RouteAttribute.OutputDevice => route with { Device = (int)attribute.U32 },
        RouteAttribute.Gateway => route with { Gateway = attribute.Address },
        RouteAttribute.PreferredSource => route with { PreferredSource = attribute.Address },
        RouteAttribute.Priority => route with { Metric = attribute.U32 },
        RouteAttribute.Table => route with { Table = attribute.U32 },
        RouteAttribute.Metrics => route with { Mtu = MtuIn(attribute.Nested) },
        RouteAttribute.Encapsulation => route with { Encapsulation = EncapsulationIn(attribute.Nested) },
        _ => route,
    };

    private static uint MtuIn(AttributeReader metrics)
    {
        while (metrics.MoveNext())
        {
            if (metrics.Type == RouteAttribute.MetricMtu)
                return metrics.U32;
        }

        return 0;
    }

    /// <summary>Null for a tunnel of another kind than to an IP address.</summary>
    private static Encapsulation? EncapsulationIn(AttributeReader tunnel)
    {
        var (id, flags, destination) = (0UL, (ushort)0, (IPAddress?)null);
        while (tunnel.MoveNext())
        {
            switch (tunnel.Type)
            {
                case TunnelAttribute.Id when tunnel.Value.Length == sizeof(ulong):
                    id = tunnel.U64BigEndian;
                    break;
                case TunnelAttribute.Destination when tunnel.Value.Length is 4 or 16:
                    destination = tunnel.Address;
                    break;
                case TunnelAttribute.Flags:
                    flags = tunnel.U16BigEndian;
                    break;
                default:
                    break;
            }
        }

        return destination is null ? null : new Encapsulation(id, destination) { Checksum = (flags & TunnelAttribute.Checksum) != 0 };
    }

    private static Link With(Link link, AttributeReader info)
    {
        while (info.MoveNext())
        {
            // The kind comes first (net/core/rtnetlink.c, rtnl_link_info_fill).
            if (info.Type == LinkAttribute.InfoKind)
                link = link with { Kind = info.Text };
            else if (info.Type == LinkAttribute.InfoData && link.Kind == "vxlan")
                link = link with { Vxlan = VxlanIn(info.Nested) };
        }

        return link;
    }

    private static Vxlan VxlanIn(AttributeReader data)
    {
        var vxlan = new Vxlan(0);
        while (data.MoveNext())
        {
            vxlan = data.Type switch
            {
                VxlanAttribute.Id => vxlan with { Id = data.U32 },
                VxlanAttribute.Local or VxlanAttribute.LocalV6 => vxlan with { Local = data.Address },
                VxlanAttribute.Learning => vxlan with { Learning = data.U8 != 0 },
                VxlanAttribute.Port => vxlan with { Port = data.U16BigEndian },
                VxlanAttribute.CollectMetadata => vxlan with { External = data.U8 != 0 },
                _ => vxlan,
            };
        }

        return vxlan;
    }
}
