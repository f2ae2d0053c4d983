using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>Where clients of a UDP ServicePort send to, and who serves it, in one IP family: what its connections may look like.</summary>
/// <param name="Addresses">Cluster IP, external IPs and load balancer IPs.</param>
/// <param name="NodePort">0 where there is none.</param>
/// <param name="Endpoints">Sorted by text.</param>
public sealed record UdpServicePort(
    IPFamily Family, ushort Port, ImmutableArray<IPAddress> Addresses, ushort NodePort, ImmutableArray<(IPAddress Address, ushort Port)> Endpoints)
{
    /// <summary>
    /// Of a Service, in both families. All endpoints that serve count, also those that policy, hints or termination keep from new
    /// connections: those that they have go on, as those of TCP do.
    /// </summary>
    public static ImmutableArray<UdpServicePort> Of(Service service, ImmutableArray<EndpointSlice> slices)
    {
        if (!service.Ports.Any(port => port.Protocol == Protocol.Udp))
            return [];
        return
        [
            .. from family in (IPFamily[])[IPFamily.V4, IPFamily.V6]
               let addresses = AddressesOf(service, family)
               where !addresses.IsEmpty
               from port in service.Ports
               where port.Protocol == Protocol.Udp
               select new UdpServicePort(family, port.Port, addresses, port.NodePort, EndpointsOf(service, port, slices, family))
        ];
    }

    public bool Equals(UdpServicePort? other) => other is not null
        && (Family, Port, NodePort) == (other.Family, other.Port, other.NodePort)
        && Addresses.AsSpan().SequenceEqual(other.Addresses.AsSpan())
        && Endpoints.AsSpan().SequenceEqual(other.Endpoints.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Family, Port, NodePort, Addresses.Length, Endpoints.Length);

    /// <summary>Without a cluster IP of the family, the Service is not of that family.</summary>
    private static ImmutableArray<IPAddress> AddressesOf(Service service, IPFamily family) =>
        service.ClusterIPs.FirstOrDefault(ip => ip.Family() == family) is not { } clusterIP
            ? []
            : [clusterIP, .. service.ExternalIPs.Concat(service.LoadBalancerIPs).Where(ip => ip.Family() == family).Distinct()];

    /// <summary>Ready ones get connections even where they do not serve: publishNotReadyAddresses.</summary>
    private static ImmutableArray<(IPAddress Address, ushort Port)> EndpointsOf(
        Service service, ServicePort port, ImmutableArray<EndpointSlice> slices, IPFamily family) =>
    [
        .. EndpointCollector.Collect(new ServicePortName(service.Name, port.Name, port.Protocol), slices, nodeName: "", family)
            .Where(endpoint => endpoint.Serving || endpoint.Ready)
            .Select(endpoint => (endpoint.Address, endpoint.Port)),
    ];
}
