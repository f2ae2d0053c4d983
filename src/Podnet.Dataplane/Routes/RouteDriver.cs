using Podnet.Core.Routes;
using Podnet.Netlink;
using AddressFamily = System.Net.Sockets.AddressFamily;

namespace Podnet.Dataplane.Routes;

/// <summary>Keeps the routes by which nodes reach other nodes' pods, and a local cluster's fabric the addresses of load balancers.</summary>
/// <remarks>
/// Its own are the routes of protocol 80 that have a gateway, in the main table and in that for packets from pods. Those of
/// protocol 80 without one lead to this node's own pods and are the CNI plugin's. A route of anybody else is never touched, also
/// where it stands in the way: adding ours then fails with EEXIST, and that is reported.
/// </remarks>
/// <param name="encapsulate">Routes through VXLAN say which host their packets are for; else the device's forwarding entries do.</param>
public sealed class RouteDriver(RouteSocket socket, bool encapsulate)
{
    /// <summary>IP6_RT_PRIO_USER (linux/ipv6_route.h): what the kernel makes of an IPv6 route without a metric.</summary>
    private const uint DefaultMetricV6 = 1024;

    /// <summary>Makes the kernel's routes these. Each is added or repaired for itself; those that nobody wants go last.</summary>
    public ApplyReport Apply(IReadOnlyCollection<PodRoute> wanted) => Plan(wanted).Execute(socket);

    /// <summary>What <see cref="Apply"/> would do, as commands of ip(8).</summary>
    internal IReadOnlyList<string> Preview(IReadOnlyCollection<PodRoute> wanted) => Plan(wanted).Commands;

    private RouteChanges Plan(IReadOnlyCollection<PodRoute> wanted)
    {
        var changes = new RouteChanges();
        var orphans = new HashSet<Route>(Own());
        var device = wanted.Any(route => route.VxlanHost is not null) ? socket.FindLink(VxlanOverlay.DeviceName)?.Index ?? 0 : 0;
        foreach (var route in wanted.Select(route => Render(route, device)))
        {
            var same = orphans.Where(have => have.Destination.Equals(route.Destination) && have.Table == route.Table).ToList();
            if (same.Find(have => Matches(have, route)) is { } right)
            {
                orphans.Remove(right);
            }
            else if (same.Find(have => have.Metric == route.Metric) is { } wrong)
            {
                orphans.Remove(wrong);
                Add(changes, requests => requests.ReplaceRoute(route), "replace", route);
            }
            else
            {
                Add(changes, requests => requests.AddRoute(route), "add", route);
            }
        }

        foreach (var orphan in orphans)
            Add(changes, requests => requests.DeleteRoute(orphan), "delete", orphan);
        return changes;
    }

    private IEnumerable<Route> Own() => socket.Routes(RouteProtocol.Podnet)
        .Where(route => route is { Gateway: not null, Table: Route.MainTable or PodRoute.FromPodsTable });

    private Route Render(PodRoute route, int vxlan) => new(route.Destination)
    {
        Gateway = route.Gateway,
        Protocol = (RouteProtocol)PodRoute.Protocol,
        Metric = route.Destination.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? DefaultMetricV6 : 0,
        Table = route.FromPods ? PodRoute.FromPodsTable : Route.MainTable,
        Device = route.VxlanHost is null ? 0 : vxlan,
        OnLink = route.VxlanHost is not null,
        Encapsulation = route.VxlanHost is { } host && encapsulate ? new Encapsulation(VxlanOverlay.Id, host) : null,
    };

    /// <summary>The device of a route that names none is the kernel's to find, by the gateway.</summary>
    private static bool Matches(Route have, Route wanted) => (wanted.Device == 0 ? have with { Device = 0 } : have) == wanted;

    private static void Add(RouteChanges changes, Action<RouteRequests> request, string verb, Route route)
    {
        var table = route.Table == Route.MainTable ? "" : $" table {route.Table}";
        var encap = route.Encapsulation is not { } wrapped ? ""
            : $" encap {(wrapped.Destination.AddressFamily == AddressFamily.InterNetwork ? "ip" : "ip6")} id {wrapped.Id} dst {wrapped.Destination}{(wrapped.Checksum ? " csum" : "")}";
        changes.Add(
            request,
            $"{verb} route {route.Destination}{(route.Encapsulation is { } host ? $" encap to {host.Destination}" : "")} via {route.Gateway}{table}",
            $"ip route {verb} {route.Destination}{encap} via {route.Gateway}{(route.OnLink ? $" dev {VxlanOverlay.DeviceName} onlink" : "")} proto {PodRoute.Protocol}{table}");
    }
}
