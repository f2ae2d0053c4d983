using System.Net;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>
/// Holds the kernel and the reservations against what ADD left. What a later plugin of the chain changed stands in
/// prevResult, and is what is expected.
/// </summary>
internal sealed class WiringCheck
{
    private readonly NetworkConfig _config;
    private readonly Request _request;
    private readonly PreviousResult _expected;
    private readonly Attachment _attachment;
    private readonly List<string> _wrong = [];

    private WiringCheck(NetworkConfig config, Request request)
    {
        _config = config;
        _request = request;
        _expected = PreviousResult.Read(config, request);
        _attachment = Attachment.Of(request);
    }

    /// <summary>What is wrong, a sentence each; nothing if all is well.</summary>
    public static IReadOnlyList<string> Run(NetworkConfig config, Request request)
    {
        var check = new WiringCheck(config, request);
        using var podNamespace = PodNamespace.Open(request);
        using var host = new RouteSocket();
        var pod = podNamespace.Socket;
        var hostLink = host.FindLink(check._attachment.HostInterface);
        var podLink = pod.FindLink(request.InterfaceName);
        check.CheckLinks(hostLink, podLink);
        if (podLink is not null)
            check.CheckPod(pod, podLink);
        if (hostLink is not null)
            check.CheckHost(host, hostLink, podLink?.Address);
        check.CheckReservations();
        if (hostLink is not null && podLink is not null)
            check._wrong.AddRange(Bandwidth.Faults(host, hostLink, pod, podLink, config.Bandwidth));
        check._wrong.AddRange(SourceGuard.Faults());
        check._wrong.AddRange(HostPorts.Faults(check._attachment, config.PortMappings, [.. check.OwnAddresses]));
        return check._wrong;
    }

    /// <summary>The addresses that this plugin gave; a later plugin may have added others.</summary>
    private IEnumerable<IPAddress> OwnAddresses =>
        _expected.Addresses.Where(address => _config.Ranges.Any(set => set.Contains(address)));

    private void CheckLinks(Link? host, Link? pod)
    {
        Require(host is not null, $"the node has no interface {_attachment.HostInterface}");
        Require(pod is not null, $"the container has no interface {_request.InterfaceName}");
        if (host is not null)
        {
            Require(host.Group == Link.PodGroup, $"interface {host.Name} is in link group {host.Group}, not {Link.PodGroup}");
            Require(host.IsUp, $"interface {host.Name} on the node is down");
            Require(host.Address == _attachment.HostMac, $"interface {host.Name} has link address {host.Address}, not {_attachment.HostMac}");
        }

        if (pod is not null)
        {
            var mac = _expected.Mac ?? _attachment.PodMac.ToString();
            Require(pod.IsUp, $"interface {pod.Name} in the container is down");
            Require(
                string.Equals(pod.Address?.ToString(), mac, StringComparison.OrdinalIgnoreCase),
                $"interface {pod.Name} has link address {pod.Address}, not {mac}");
        }

        if (host is not null && pod is not null)
            Require(host.PeerIndex == pod.Index, $"interface {pod.Name} in the container is not the other end of {host.Name}");
    }

    private void CheckPod(RouteSocket pod, Link link)
    {
        var addresses = pod.Addresses(link.Index);
        foreach (var address in _expected.Addresses)
            Require(addresses.Exists(a => a.Ip.Equals(address)), $"interface {link.Name} has not the address {address}");
        var routes = pod.Routes();
        foreach (var gateway in _expected.Gateways)
        {
            Require(
                routes.Exists(r => r.Destination.PrefixLength == 0 && r.Device == link.Index && gateway.Equals(r.Gateway)),
                $"the container has no default route via {gateway} by {link.Name}");
        }

        var neighbours = pod.Neighbours(link.Index);
        foreach (var gateway in OwnAddresses.Select(Gateway.For).Distinct())
        {
            Require(
                IsPermanent(neighbours, gateway, _attachment.HostMac),
                $"the container has no permanent neighbour {gateway} with link address {_attachment.HostMac}");
        }
    }

    private void CheckHost(RouteSocket host, Link link, MacAddress? podMac)
    {
        var routes = host.Routes(RouteProtocol.Podnet);
        var neighbours = host.Neighbours(link.Index);
        foreach (var address in OwnAddresses)
        {
            var wanted = PodWiring.HostRoute(address, link.Index);
            Require(
                routes.Exists(r => r.Destination.Equals(wanted.Destination) && r.Device == link.Index),
                $"the node has no route to {wanted.Destination} by {link.Name}");
            if (podMac is { } mac)
                Require(IsPermanent(neighbours, address, mac), $"the node has no permanent neighbour {address} with link address {mac}");
        }
    }

    private void CheckReservations()
    {
        foreach (var set in _config.Ranges)
            Require(_expected.Addresses.Any(set.Contains), $"prevResult has no address of {set}");
        var held = AddressManager.HeldBy(_config, _request);
        foreach (var address in OwnAddresses)
            Require(held.Contains(address), $"address {address} is not reserved for this container and interface");
    }

    private static bool IsPermanent(List<Neighbour> neighbours, IPAddress address, MacAddress mac) =>
        neighbours.Exists(n => n.Ip.Equals(address) && n.LinkAddress == mac && n.State.HasFlag(NeighbourState.Permanent));

    private void Require(bool holds, string otherwise)
    {
        if (!holds)
            _wrong.Add(otherwise);
    }
}
