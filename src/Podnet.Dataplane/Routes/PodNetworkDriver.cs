using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Routes;
using Podnet.Dataplane.Vxlan;
using Podnet.Netlink;

namespace Podnet.Dataplane.Routes;

/// <summary>Keeps all that joins this node to the pods of others, in the namespace of the thread that made this; to be used on such a thread.</summary>
public sealed class PodNetworkDriver : IDisposable
{
    /// <summary>Of Ethernet, where no link has the node's address.</summary>
    private const int OrdinaryMtu = 1500;

    private static readonly IPNetwork LinkLocal = IPNetwork.Parse("fe80::/10");

    private readonly RouteSocket _socket = new();
    private readonly VxlanDriver _vxlan;
    private readonly RouteDriver _routes;
    private readonly RuleDriver _rules;

    public PodNetworkDriver()
        : this(null)
    {
    }

    /// <param name="byRoutes">Null: as the kernel can.</param>
    internal PodNetworkDriver(bool? byRoutes)
    {
        var encapsulate = byRoutes ?? _socket.HasLightweightTunnels();
        _vxlan = new VxlanDriver(_socket, encapsulate);
        _routes = new RouteDriver(_socket, encapsulate);
        _rules = new RuleDriver(_socket);
    }

    /// <summary>Makes the kernel's these, each route and neighbour for itself.</summary>
    public ApplyReport Apply(PodNetwork wanted)
    {
        // The device goes last, when no route needs it: packets never have no way at all.
        if (wanted.Overlay is null)
            return _routes.Apply(wanted.Routes) + _rules.Apply(wanted.OwnPods) + _vxlan.Apply(null);
        var device = _vxlan.Apply(wanted.Overlay);
        var routes = device.Failed ? wanted.Routes.Where(route => route.VxlanHost is null).ToArray() : [.. wanted.Routes];
        return device + _routes.Apply(routes) + _rules.Apply(wanted.OwnPods);
    }

    /// <summary>What <see cref="Apply"/> would do, as commands of ip(8) and others.</summary>
    public IReadOnlyList<string> Preview(PodNetwork wanted)
    {
        var vxlan = _vxlan.Preview(wanted.Overlay);
        IReadOnlyList<string> routes = [.. _routes.Preview(wanted.Routes), .. _rules.Preview(wanted.OwnPods)];
        return wanted.Overlay is null ? [.. routes, .. vxlan] : [.. vxlan, .. routes];
    }

    /// <summary>Takes all of it away.</summary>
    public ApplyReport Cleanup() => Apply(new PodNetwork([], null, [], 0));

    /// <param name="nodeIPs">This node's own addresses.</param>
    public Underlay ReadUnderlay(ImmutableArray<IPAddress> nodeIPs)
    {
        var overlay = _socket.FindLink(VxlanOverlay.DeviceName)?.Index;
        var onLink = _socket.Routes(RouteProtocol.Kernel).Where(route =>
            route is { Gateway: null, Type: RouteType.Unicast, Table: Route.MainTable } && route.Device != overlay
            && !(route.Destination.BaseAddress.AddressFamily == LinkLocal.BaseAddress.AddressFamily && LinkLocal.Contains(route.Destination.BaseAddress)));
        var own = _socket.Addresses().FirstOrDefault(address => nodeIPs.Contains(address.Ip));
        return new Underlay([.. onLink.Select(route => route.Destination)], own is null ? OrdinaryMtu : _socket.GetLink(own.Device).Mtu);
    }

    public void Dispose() => _socket.Dispose();
}
