using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Dataplane.Vxlan;

/// <summary>
/// Keeps the VXLAN device, the neighbours on it and, where routes cannot say it, behind which host each neighbour is. Works on the
/// namespace of the calling thread.
/// </summary>
/// <remarks>
/// A VXLAN device of the name is this driver's, with all that is on it; its alias is for whoever looks at it. A link of another
/// kind that has the name is never touched: making ours then fails with EEXIST, and that is reported.
/// </remarks>
/// <param name="byRoutes">Routes say which host their packets are for (see <see cref="RouteSocket.HasLightweightTunnels"/>).</param>
internal sealed class VxlanDriver(RouteSocket socket, bool byRoutes)
{
    internal const string Alias = "pods of other nodes";
    private const string Name = VxlanOverlay.DeviceName;

    /// <summary>
    /// Loose (ip-sysctl.rst, rp_filter): what another node itself sends to a pod comes in here, and goes back by a link of its own. The
    /// larger of this value and that of "all" counts, so this holds against a strict "all".
    /// </summary>
    private const string LooseFilter = "2";
    private const string FilterSetting = $"net.ipv4.conf.{Name}.rp_filter";

    /// <param name="wanted">Null takes the device away.</param>
    internal ApplyReport Apply(VxlanOverlay? wanted)
    {
        var link = socket.FindLink(Name);
        var report = PlanLink(link, wanted).Execute(socket);
        if (wanted is null || report.Failed)
            return report;
        link = socket.GetLink(Name);
        report += PlanSettings(link, wanted).Execute(socket) + PlanNeighbours(link.Index, wanted).Execute(socket) + PlanForwarding(link.Index, wanted).Execute(socket);
        return Sysctl.Ensure(FilterSetting, LooseFilter) ? report + new ApplyReport([$"{FilterSetting} = {LooseFilter}"], []) : report;
    }

    /// <summary>What <see cref="Apply"/> would do, as commands.</summary>
    internal IReadOnlyList<string> Preview(VxlanOverlay? wanted)
    {
        var link = socket.FindLink(Name);
        var made = PlanLink(link, wanted).Commands;
        if (wanted is null)
            return made;
        if (made.Count > 0)
            link = new Link(0, Name) { Mtu = wanted.Mtu, Flags = LinkFlags.Up }; // as it will be
        IEnumerable<string> filter = made.Count > 0 || Sysctl.Read(FilterSetting) != LooseFilter ? [$"sysctl -w {FilterSetting}={LooseFilter}"] : [];
        return [.. made, .. PlanSettings(link!, wanted).Commands, .. PlanNeighbours(link!.Index, wanted).Commands, .. PlanForwarding(link.Index, wanted).Commands, .. filter];
    }

    private Netlink.Vxlan Settings(VxlanOverlay wanted) => byRoutes
        ? new Netlink.Vxlan(VxlanOverlay.Port) { External = true }
        : new Netlink.Vxlan(VxlanOverlay.Port) { Id = VxlanOverlay.Id, Local = wanted.Local };

    /// <summary>Makes it, and anew where it is wrong in what cannot be changed.</summary>
    private RouteChanges PlanLink(Link? link, VxlanOverlay? wanted)
    {
        var changes = new RouteChanges();
        var ours = link is { Kind: "vxlan" };
        if (ours && link!.Vxlan == (wanted is null ? null : Settings(wanted)) && link.Address?.ToString() == wanted?.LinkAddress)
            return changes;
        if (ours)
            changes.Add(requests => requests.DeleteLink(link!.Index), $"delete link {Name}", $"ip link delete {Name}");
        if (wanted is null)
            return changes;
        var settings = byRoutes ? "external" : $"id {VxlanOverlay.Id} local {wanted.Local}";
        changes.Add(
            requests => requests.CreateVxlan(new VxlanDevice(Name, MacAddress.Parse(wanted.LinkAddress), wanted.Mtu, Settings(wanted))),
            $"add link {Name} mtu {wanted.Mtu} type vxlan {settings} dstport {VxlanOverlay.Port}",
            $"ip link add {Name} address {wanted.LinkAddress} mtu {wanted.Mtu} up type vxlan {settings} dstport {VxlanOverlay.Port} nolearning");
        return changes;
    }

    private static RouteChanges PlanSettings(Link link, VxlanOverlay wanted)
    {
        var changes = new RouteChanges();
        if (link.Mtu != wanted.Mtu)
            changes.Add(requests => requests.SetMtu(link.Index, wanted.Mtu), $"set link {Name} mtu {wanted.Mtu}", $"ip link set {Name} mtu {wanted.Mtu}");
        if (!link.IsUp)
            changes.Add(requests => requests.SetUp(link.Index), $"set link {Name} up", $"ip link set {Name} up");
        if (link.Alias != Alias)
            changes.Add(requests => requests.SetAlias(link.Index, Alias), $"set link {Name} alias \"{Alias}\"", $"ip link set {Name} alias \"{Alias}\"");
        return changes;
    }

    /// <param name="device">0 where it is yet to be made.</param>
    private RouteChanges PlanNeighbours(int device, VxlanOverlay wanted)
    {
        var orphans = (device == 0 ? [] : socket.Neighbours(device))
            .Where(neighbour => neighbour.State == NeighbourState.Permanent).ToDictionary(neighbour => neighbour.Ip);
        var changes = new RouteChanges();
        foreach (var (address, mac) in wanted.Peers.SelectMany(peer => peer.Gateways.Select(gateway => (gateway, MacAddress.Parse(peer.LinkAddress)))))
        {
            if (orphans.Remove(address, out var have) && have.LinkAddress == mac)
                continue;
            var text = $"replace {address} lladdr {mac} dev {Name}";
            changes.Add(requests => requests.ReplaceNeighbour(new Neighbour(device, address, mac)), $"neighbour: {text}", $"ip neighbour {text} nud permanent");
        }

        foreach (var orphan in orphans.Values)
        {
            var text = $"delete {orphan.Ip} dev {Name}";
            changes.Add(requests => requests.DeleteNeighbour(orphan), $"neighbour: {text}", $"ip neighbour {text}");
        }

        return changes;
    }

    /// <inheritdoc cref="PlanNeighbours"/>
    private RouteChanges PlanForwarding(int device, VxlanOverlay wanted)
    {
        var changes = new RouteChanges();
        if (byRoutes)
            return changes;
        HashSet<ForwardingEntry> orphans = device == 0 ? [] : [.. socket.ForwardingEntries(device)];
        foreach (var entry in wanted.Peers.Select(peer => new ForwardingEntry(device, MacAddress.Parse(peer.LinkAddress), peer.Host)))
        {
            if (orphans.Remove(entry))
                continue;
            orphans.RemoveWhere(have => have.LinkAddress == entry.LinkAddress); // it is replaced
            var text = $"replace {entry.LinkAddress} dev {Name} dst {entry.Destination}";
            changes.Add(requests => requests.ReplaceForwardingEntry(entry), $"fdb: {text}", $"bridge fdb {text} self permanent");
        }

        foreach (var orphan in orphans)
        {
            var text = $"delete {orphan.LinkAddress} dev {Name} dst {orphan.Destination}";
            changes.Add(requests => requests.DeleteForwardingEntry(orphan), $"fdb: {text}", $"bridge fdb {text} self");
        }

        return changes;
    }
}
