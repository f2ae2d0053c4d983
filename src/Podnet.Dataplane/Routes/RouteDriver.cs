using Podnet.Core.Routes;
using Podnet.Netlink;

namespace Podnet.Dataplane.Routes;

/// <summary>Keeps the routes to other nodes' pods, in the namespace of the thread that made this.</summary>
/// <remarks>
/// Its own are the routes of the main table that have protocol 80 and a gateway. Those of protocol 80 without one lead to this
/// node's own pods and are the CNI plugin's. A route of anybody else is never touched, also where it stands in the way: adding
/// ours then fails with EEXIST, and that is reported.
/// </remarks>
public sealed class RouteDriver : IDisposable
{
    private readonly RouteSocket _socket = new();

    /// <summary>Makes the kernel's routes these. Each is added or repaired for itself; those that nobody wants go last.</summary>
    public ApplyReport Apply(IReadOnlyCollection<PodRoute> wanted) => Plan(wanted).Execute(_socket);

    /// <summary>What <see cref="Apply"/> would do, as commands of ip(8).</summary>
    public IReadOnlyList<string> Preview(IReadOnlyCollection<PodRoute> wanted) => Plan(wanted).Commands;

    private Changes Plan(IReadOnlyCollection<PodRoute> wanted)
    {
        var changes = new Changes();
        var orphans = new HashSet<Route>(Own());
        foreach (var route in wanted.Select(Render))
        {
            var same = orphans.Where(have => have.Destination.Equals(route.Destination)).ToList();
            if (same.Find(have => Matches(have, route)) is { } right)
            {
                orphans.Remove(right);
            }
            else if (same.Find(have => have.Metric == route.Metric) is { } wrong)
            {
                orphans.Remove(wrong);
                changes.Replace(route);
            }
            else
            {
                changes.Add(route);
            }
        }

        foreach (var orphan in orphans)
            changes.Delete(orphan);
        return changes;
    }

    /// <summary>Takes all of them away.</summary>
    public ApplyReport Cleanup() => Apply([]);

    public void Dispose() => _socket.Dispose();

    private IEnumerable<Route> Own() =>
        _socket.Routes(RouteProtocol.Podnet).Where(route => route.Gateway is not null && route.Table == Route.MainTable);

    private static Route Render(PodRoute route) => new(route.Destination)
    {
        Gateway = route.Gateway,
        Protocol = (RouteProtocol)PodRoute.Protocol,
        Metric = route.Destination.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? DefaultMetricV6 : 0,
    };

    /// <summary>IP6_RT_PRIO_USER (linux/ipv6_route.h): what the kernel makes of an IPv6 route without a metric.</summary>
    private const uint DefaultMetricV6 = 1024;

    /// <summary>The device is the kernel's to find, by the gateway.</summary>
    private static bool Matches(Route have, Route wanted) => have with { Device = 0 } == wanted;

    /// <summary>Requests, and beside them what to say of each that succeeds.</summary>
    private sealed class Changes
    {
        private readonly RouteRequests _requests = new();
        private readonly List<string> _texts = [];

        internal List<string> Commands { get; } = [];

        internal void Add(Route route)
        {
            _requests.AddRoute(route);
            Say("add", route);
        }

        internal void Replace(Route route)
        {
            _requests.ReplaceRoute(route);
            Say("replace", route);
        }

        internal void Delete(Route route)
        {
            _requests.DeleteRoute(route);
            Say("delete", route);
        }

        internal ApplyReport Execute(RouteSocket socket)
        {
            if (_requests.Count == 0)
                return ApplyReport.Nothing;
            var failures = socket.ExecuteEach(_requests);
            return new ApplyReport([.. _texts.Where((_, i) => failures[i] is null)], [.. failures.OfType<Podnet.Linux.KernelException>()]);
        }

        private void Say(string verb, Route route)
        {
            _texts.Add($"{verb} route {route.Destination} via {route.Gateway}");
            Commands.Add($"ip route {verb} {route.Destination} via {route.Gateway} proto {PodRoute.Protocol}");
        }
    }
}
