using static Podnet.Netlink.RouteWire;

namespace Podnet.Netlink;

/// <content>VXLAN devices, their forwarding entries, and rules.</content>
public sealed partial class RouteRequests
{
    /// <summary>Makes it, and sets it up. Errors: EEXIST where the name is taken, or another device has the port and identifier; EADDRINUSE where another program has the port.</summary>
    public RouteRequests CreateVxlan(VxlanDevice device)
    {
        var writer = Batch.Begin(NewLink, New);
        PutEnd(ref writer, LinkFlags.Up, device.Name, device.Address, device.Mtu);
        var info = writer.BeginPlainNested(LinkAttribute.Info);
        writer.Put(LinkAttribute.InfoKind, "vxlan"u8);
        var data = writer.BeginPlainNested(LinkAttribute.InfoData);
        var settings = device.Settings;
        if (settings.External)
            writer.PutU8(VxlanAttribute.CollectMetadata, 1);
        else
            writer.PutU32(VxlanAttribute.Id, settings.Id);
        if (settings.Local is { } local)
            writer.PutAddress(AddressFamily.Of(local) == AddressFamily.IPv4 ? VxlanAttribute.Local : VxlanAttribute.LocalV6, local);
        writer.PutU8(VxlanAttribute.Learning, settings.Learning ? (byte)1 : (byte)0);
        writer.PutU16BigEndian(VxlanAttribute.Port, settings.Port);
        writer.EndNested(data);
        writer.EndNested(info);
        Batch.End(writer, $"create VXLAN device {device.Name}");
        return this;
    }

    /// <summary>Adds it, or replaces that of the same Ethernet address.</summary>
    public RouteRequests ReplaceForwardingEntry(ForwardingEntry entry) => PutForwardingEntry(NewNeighbour, NewOrReplace, entry, "replace");

    /// <summary>Errors: ENOENT.</summary>
    public RouteRequests DeleteForwardingEntry(ForwardingEntry entry) => PutForwardingEntry(RouteWire.DeleteNeighbour, NetlinkFlags.Ack, entry, "delete");

    /// <summary>Errors: EEXIST.</summary>
    public RouteRequests AddRule(PolicyRule rule) => PutRule(NewRule, New, rule, "add");

    /// <summary>Errors: ENOENT.</summary>
    public RouteRequests DeleteRule(PolicyRule rule) => PutRule(RouteWire.DeleteRule, NetlinkFlags.Ack, rule, "delete");

    private RouteRequests PutForwardingEntry(ushort type, NetlinkFlags flags, ForwardingEntry entry, string verb)
    {
        var writer = Batch.Begin(type, flags);
        writer.PutFixed(new NeighbourHeader
        {
            Family = AddressFamily.Bridge,
            Index = entry.Device,
            State = (ushort)(NeighbourState.Permanent | NeighbourState.NoArp),
            Flags = NeighbourHeader.Self,
        });
        writer.PutMac(NeighbourAttribute.LinkAddress, entry.LinkAddress);
        writer.PutAddress(NeighbourAttribute.Destination, entry.Destination);
        Batch.End(writer, $"{verb} forwarding entry {entry.LinkAddress} behind {entry.Destination} on interface {entry.Device}");
        return this;
    }

    private RouteRequests PutRule(ushort type, NetlinkFlags flags, PolicyRule rule, string verb)
    {
        var writer = Batch.Begin(type, flags);
        writer.PutFixed(new RuleHeader
        {
            Family = AddressFamily.Of(rule.Source.BaseAddress),
            SourceLength = (byte)rule.Source.PrefixLength,
            Table = rule.Table <= byte.MaxValue ? (byte)rule.Table : (byte)0,
            Action = RuleHeader.ToTable,
        });
        if (rule.Source.PrefixLength > 0)
            writer.PutAddress(RuleAttribute.Source, rule.Source.BaseAddress);
        writer.PutU32(RuleAttribute.Priority, rule.Priority);
        writer.PutU8(RuleAttribute.Protocol, (byte)rule.Protocol);
        if (rule.Table > byte.MaxValue)
            writer.PutU32(RuleAttribute.Table, rule.Table);
        Batch.End(writer, $"{verb} rule from {rule.Source} lookup {rule.Table}");
        return this;
    }
}
