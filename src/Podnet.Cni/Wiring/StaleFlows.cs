using System.Net;
using Podnet.Cni.Protocol;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>
/// Ends UDP connections that a change of host ports makes wrong. A sender that does not pause keeps its connection alive, and with it where its
/// packets go, whatever the ports say by now. TCP and SCTP notice by themselves.
/// </summary>
internal static class StaleFlows
{
    public static void Delete(RouteSocket host, IReadOnlyCollection<HostPort> made, IReadOnlyCollection<HostPort> removed)
    {
        var added = made.Where(port => port.Protocol == PortMapping.Udp).ToList();
        var gone = removed.Where(port => port.Protocol == PortMapping.Udp).ToList();
        if (added.Count == 0 && gone.Count == 0)
            return;
        var own = added.Count == 0 ? [] : host.Addresses().ConvertAll(address => address.Ip).ToHashSet();
        using var connections = new ConntrackSocket();
        var stale = connections.Dump(
            flow => added.Exists(port => Passes(port, flow, own)) || gone.Exists(port => Leads(port, flow)),
            new ConntrackFilter { Protocol = PortMapping.Udp });
        connections.Delete(stale);
    }

    /// <summary>It is for the port, and goes elsewhere.</summary>
    private static bool Passes(HostPort port, ConntrackEntry flow, HashSet<IPAddress> own) =>
        flow.Original.DestinationPort == port.Port
        && flow.Original.Destination.AddressFamily == port.Pod.AddressFamily
        && (port.Address is { } address
            ? flow.Original.Destination.Equals(address)
            : own.Contains(flow.Original.Destination) || IPAddress.IsLoopback(flow.Original.Destination))
        && !flow.Reply.Source.Equals(port.Pod);

    /// <summary>The port led it to the pod.</summary>
    private static bool Leads(HostPort port, ConntrackEntry flow) =>
        flow.Status.HasFlag(ConntrackStatus.DestinationNat)
        && flow.Original.DestinationPort == port.Port
        && flow.Reply.SourcePort == port.PodPort
        && flow.Reply.Source.Equals(port.Pod);
}
