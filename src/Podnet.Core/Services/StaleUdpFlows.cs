using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>
/// Which UDP connections go where no Service sends them any more. The kernel translates a connection as it did its first packet, for
/// as long as packets come: those to an endpoint that is gone would be lost for ever, since nothing tells a UDP client so.
/// </summary>
/// <remarks>
/// Only connections to addresses that are a Service's, or were one's, are ever stale. kube-proxy (pkg/proxy/conntrack/cleanup.go)
/// spares Services without endpoints, and takes a node port's number for one whatever the address is; here neither is so.
/// </remarks>
public sealed class StaleUdpFlows
{
    private readonly Dictionary<(IPAddress Address, ushort Port), HashSet<(IPAddress Address, ushort Port)>> _addresses = [];
    private readonly Dictionary<(IPFamily Family, ushort Port), HashSet<(IPAddress Address, ushort Port)>> _nodePorts = [];
    private readonly HashSet<(IPAddress Address, ushort Port)> _goneAddresses = [];
    private readonly HashSet<(IPFamily Family, ushort Port)> _goneNodePorts = [];
    private readonly IReadOnlySet<IPAddress> _nodeAddresses;

    /// <param name="now">All that there are.</param>
    /// <param name="gone">As they were; what of them is still there is no matter.</param>
    /// <param name="nodeAddresses">Of this node, where node ports answer.</param>
    public StaleUdpFlows(IEnumerable<UdpServicePort> now, IEnumerable<UdpServicePort> gone, IReadOnlySet<IPAddress> nodeAddresses)
    {
        _nodeAddresses = nodeAddresses;
        foreach (var port in now)
        {
            // Two Services may claim one external IP: what either sends is right.
            foreach (var address in port.Addresses)
                EndpointsIn(_addresses, (address, port.Port)).UnionWith(port.Endpoints);
            if (port.NodePort != 0)
                EndpointsIn(_nodePorts, (port.Family, port.NodePort)).UnionWith(port.Endpoints);
        }

        foreach (var port in gone)
        {
            _goneAddresses.UnionWith(port.Addresses.Select(address => (address, port.Port)));
            if (port.NodePort != 0)
                _goneNodePorts.Add((port.Family, port.NodePort));
        }
    }

    /// <param name="destination">Where the client sends to.</param>
    /// <param name="server">Where its packets go; the destination itself for a connection that was not translated.</param>
    public bool IsStale((IPAddress Address, ushort Port) destination, (IPAddress Address, ushort Port) server)
    {
        // One that began before there was an endpoint, or a Service, was not translated, and never will be.
        if (_addresses.TryGetValue(destination, out var endpoints))
            return !endpoints.Contains(server);
        // What has no Service any more may be somebody else's address in truth: connections to that are not translated.
        if (_goneAddresses.Contains(destination) && !server.Equals(destination))
            return true;
        if (!_nodeAddresses.Contains(destination.Address))
            return false;
        var nodePort = (destination.Address.Family(), destination.Port);
        return _nodePorts.TryGetValue(nodePort, out endpoints)
            ? !endpoints.Contains(server)
            : _goneNodePorts.Contains(nodePort) && !server.Equals(destination);
    }

    private static HashSet<(IPAddress Address, ushort Port)> EndpointsIn<TKey>(
        Dictionary<TKey, HashSet<(IPAddress Address, ushort Port)>> all, TKey key)
        where TKey : notnull
    {
        if (!all.TryGetValue(key, out var endpoints))
            all[key] = endpoints = [];
        return endpoints;
    }
}
