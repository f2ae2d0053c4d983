using System.Collections.Immutable;
using k8s.Models;
using Podnet.Core.Dns;

namespace Podnet.Kubernetes.Converters;

/// <summary>discovery.k8s.io/v1 EndpointSlice → <see cref="NamedEndpoints"/>: those of its endpoints that are ready.</summary>
public static class NamedEndpointsConverter
{
    public static Converted<NamedEndpoints> Convert(V1EndpointSlice slice)
    {
        // One without a Service is somebody's own business.
        if (slice.AddressType == "FQDN" || slice.Metadata?.Labels?.TryGetValue(EndpointSliceConverter.ServiceNameLabel, out var service) != true)
            return Converted<NamedEndpoints>.Ignored;
        try
        {
            var name = Fields.Name(slice.Metadata, subdomain: true);
            var named = new NamedEndpoints(name, new(name.Namespace, Fields.Label(service, $"metadata.labels[{EndpointSliceConverter.ServiceNameLabel}]")))
            {
                Endpoints = Endpoints(slice.Endpoints),
                Ports = Ports(slice.Ports),
            };
            return new(named, null);
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    private static ImmutableArray<NamedEndpoint> Endpoints(IList<V1Endpoint>? endpoints)
    {
        var named = ImmutableArray.CreateBuilder<NamedEndpoint>();
        for (var i = 0; i < (endpoints?.Count ?? 0); i++)
        {
            var field = $"endpoints[{i}]";
            var given = Fields.Present(endpoints![i], field);
            // Unknown counts as ready, says EndpointConditions. A Service with publishNotReadyAddresses has no others: its slices say so.
            if (given.Conditions?.Ready == false)
                continue;
            if (given.Addresses is not [var address, ..])
                throw new FieldException($"{field}.addresses: is empty");
            var hostname = string.IsNullOrEmpty(given.Hostname) ? null : Fields.Label(given.Hostname, $"{field}.hostname");
            named.Add(new(Fields.Address(address, $"{field}.addresses[0]"), hostname));
        }
        return named.DrainToImmutable();
    }

    private static ImmutableArray<NamedPort> Ports(IList<Discoveryv1EndpointPort>? ports)
    {
        var named = ImmutableArray.CreateBuilder<NamedPort>();
        for (var i = 0; i < (ports?.Count ?? 0); i++)
        {
            var field = $"ports[{i}]";
            var given = Fields.Present(ports![i], field);
            // Without a number it means all ports, which no record can say.
            if (given.Port is not null && Fields.PortName(given.Name, $"{field}.name") is { Length: > 0 } name)
                named.Add(new(name, Fields.Protocol(given.Protocol, $"{field}.protocol"), Fields.Port(given.Port, $"{field}.port")));
        }
        return named.DrainToImmutable();
    }

    internal static bool AreSame(NamedEndpoints a, NamedEndpoints b) =>
        a with { Endpoints = b.Endpoints, Ports = b.Ports } == b && a.Endpoints.SequenceEqual(b.Endpoints) && a.Ports.SequenceEqual(b.Ports);
}
