using System.Net;
using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>The steps of ADD that change something, in their order.</summary>
internal enum AddStep
{
    Reserve,
    GuardSources,
    CreateLink,
    HostSettings,
    PodSettings,
    PodSide,
    HostSide,

    /// <summary>Where host ports are asked for.</summary>
    MapPorts,

    /// <summary>Where limits are asked for.</summary>
    LimitBandwidth,
    Answer,
}

/// <summary>
/// What a pod is connected with: a veth pair, in the pod its address as /32 or /128 and a default route to the link-local
/// gateway, on the node a route to that address. Everything goes with the pair, so there is one thing to take back.
/// </summary>
internal static class PodWiring
{
    /// <summary>LOOPBACK_IFINDEX of linux/net.h: the same in every namespace.</summary>
    private const int Loopback = 1;

    /// <summary>Makes the pair, the node's end up; the kernel cannot set up the other one while it still has no peer (drivers/net/veth.c). Where this throws, it has made nothing.</summary>
    /// <param name="mtu">Bytes; null leaves it to the kernel.</param>
    /// <returns>The pair as the node sees it.</returns>
    public static Link Create(RouteSocket host, Attachment attachment, string podInterface, NetworkNamespace podNamespace, int? mtu)
    {
        try
        {
            return host.CreateVeth(new VethPair(attachment.HostInterface, podInterface)
            {
                Address = attachment.HostMac,
                PeerAddress = attachment.PodMac,
                Mtu = mtu,
                Group = Link.PodGroup,
                PeerNamespace = podNamespace,
                Up = true,
            });
        }
        catch (KernelException exists) when (exists.Errno == Errno.Exists)
        {
            throw new CniException(
                CniErrorCode.InterfaceExists,
                $"interface {attachment.HostInterface} on the node or {podInterface} in the container exists",
                exists.Message);
        }
        catch (KernelException) when (host.FindLink(attachment.HostInterface) is { Alias: null })
        {
            // The kernel made it, and its answer was lost. That of an earlier ADD has its alias.
            Delete(attachment);
            throw;
        }
    }

    /// <summary>Gives both ends all that they need.</summary>
    /// <param name="before">Told each step before it is taken.</param>
    public static void Configure(
        RouteSocket host, PodNamespace pod, Attachment attachment, Link link, IReadOnlyList<IPAddress> addresses, Action<AddStep>? before)
    {
        var hasIPv6 = addresses.Any(address => !AddressNumber.IsIPv4(address));
        before?.Invoke(AddStep.HostSettings);
        IPv6Settings.TurnOff(attachment.HostInterface);
        if (hasIPv6)
            IPv6Settings.TurnOn(attachment.HostInterface);
        before?.Invoke(AddStep.PodSettings);
        pod.ConfigureIPv6(hasIPv6);
        before?.Invoke(AddStep.PodSide);
        pod.Socket.Execute(PodSide(attachment, link.PeerIndex, addresses));
        before?.Invoke(AddStep.HostSide);
        host.Execute(HostSide(attachment, link.Index, addresses));
        // Who is asked for a link first makes it carry, where that is still to be done (linkwatch_sync_dev in net/core/link_watch.c). Until then
        // the node's end drops what is for the pod: up to a second long, or longer on a busy machine.
        _ = host.GetLink(link.Index);
    }

    /// <summary>Takes the pair away, and with it its addresses, routes and neighbours on both sides. None there is fine.</summary>
    public static void Delete(Attachment attachment) => RouteSocket.DeleteLinkInChild(attachment.HostInterface);

    private static RouteRequests PodSide(Attachment attachment, int device, IReadOnlyList<IPAddress> addresses)
    {
        var requests = new RouteRequests().SetUp(Loopback).SetUp(device);
        foreach (var address in addresses)
        {
            requests.AddAddress(new Address(device, address, HostBits(address))
            {
                // Nobody else can have it: the reservation says so, and there are two ends on this link.
                Flags = AddressNumber.IsIPv4(address) ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            });
        }

        foreach (var gateway in addresses.Select(Gateway.For).Distinct())
        {
            var ipv4 = AddressNumber.IsIPv4(gateway);
            requests.AddNeighbour(new Neighbour(device, gateway, attachment.HostMac));
            requests.AddRoute(new Route(new IPNetwork(ipv4 ? IPAddress.Any : IPAddress.IPv6Any, 0))
            {
                Device = device,
                Gateway = gateway,
                OnLink = ipv4, // IPv6 takes any link-local next hop
            });
        }

        return requests;
    }

    private static RouteRequests HostSide(Attachment attachment, int device, IReadOnlyList<IPAddress> addresses)
    {
        var requests = new RouteRequests().SetAlias(device, attachment.Alias);
        foreach (var address in addresses)
        {
            requests.AddRoute(HostRoute(address, device));
            requests.AddNeighbour(new Neighbour(device, address, attachment.PodMac));
        }

        return requests;
    }

    /// <summary>The node's route to one pod.</summary>
    public static Route HostRoute(IPAddress address, int device) => new(new IPNetwork(address, HostBits(address)))
    {
        Device = device,
        Protocol = RouteProtocol.Podnet,
        Scope = AddressNumber.IsIPv4(address) ? RouteScope.Link : RouteScope.Universe,
    };

    private static int HostBits(IPAddress address) => AddressNumber.IsIPv4(address) ? 32 : 128;
}
