using System.Collections.Immutable;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Core.Model;

namespace Podnet.Kubernetes.Converters;

/// <summary>discovery.k8s.io/v1 EndpointSlice → <see cref="EndpointSlice"/>, by the rules of kube-proxy (pkg/proxy/endpointslicecache.go).</summary>
public static class EndpointSliceConverter
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <remarks>An endpoint or port that is wrong is left out alone, and the problem says so.</remarks>
    public static Converted<EndpointSlice> Convert(V1EndpointSlice slice)
    {
        if (slice.AddressType == "FQDN" || ProxyLabels.IsOfAnotherProxy(slice.Metadata))
            return Converted<EndpointSlice>.Ignored;
        try
        {
            var name = Fields.Name(slice.Metadata, subdomain: true);
            string? service = null;
            slice.Metadata.Labels?.TryGetValue(ServiceNameLabel, out service);
            var family = slice.AddressType switch
            {
                "IPv4" => AddressFamily.InterNetwork,
                "IPv6" => AddressFamily.InterNetworkV6,
                _ => throw new FieldException($"addressType: {Fields.Quote(slice.AddressType)} is not IPv4, IPv6 or FQDN"),
            };
            List<string> problems = [];
            var converted = new EndpointSlice(name, new(name.Namespace, Fields.Label(service, $"metadata.labels[{ServiceNameLabel}]")))
            {
                Ports = Each(slice.Ports, "ports", Port, problems),
                Endpoints = Each(slice.Endpoints, "endpoints", (endpoint, field) => Endpoint(endpoint, family, field), problems),
            };
            if (converted.Ports.Select(port => port.Name).Distinct().Count() != converted.Ports.Length)
                throw new FieldException("ports: two have the same name");
            var problem = problems switch
            {
                [] => null,
                [var only] => only,
                [var first, ..] => $"{first} (and {problems.Count - 1} more)",
            };
            return new(converted, problem);
        }
        catch (FieldException e)
        {
            return new(null, e.Message);
        }
    }

    private static ImmutableArray<TOut> Each<TIn, TOut>(IList<TIn>? items, string field, Func<TIn, string, TOut> convert, List<string> problems)
        where TIn : class
    {
        if (items is null)
            return [];
        var converted = ImmutableArray.CreateBuilder<TOut>(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            try
            {
                converted.Add(convert(Fields.Present(items[i], $"{field}[{i}]"), $"{field}[{i}]"));
            }
            catch (FieldException e)
            {
                problems.Add(e.Message);
            }
        }
        return converted.DrainToImmutable();
    }

    private static EndpointPort Port(Discoveryv1EndpointPort port, string field) =>
        new(Fields.PortName(port.Name, $"{field}.name"), Fields.Protocol(port.Protocol, $"{field}.protocol"), Fields.Port(port.Port, $"{field}.port"));

    private static Endpoint Endpoint(V1Endpoint endpoint, AddressFamily family, string field)
    {
        if (endpoint.Addresses is not [var text, ..])
            throw new FieldException($"{field}.addresses: is empty");
        var address = Fields.Address(text, $"{field}.addresses[0]");
        if (address.AddressFamily != family)
            throw new FieldException($"{field}.addresses[0]: {address} is not {Fields.FamilyName(family)}, as addressType says");
        return new(address)
        {
            // Unknown counts as yes for the first two, as no for the last: the comments of EndpointConditions.
            Ready = endpoint.Conditions?.Ready ?? true,
            Serving = endpoint.Conditions?.Serving ?? true,
            Terminating = endpoint.Conditions?.Terminating ?? false,
            NodeName = endpoint.NodeName is { } node ? SharedText.Of(node) : null,
            ZoneHints = Hints(endpoint.Hints?.ForZones, zone => zone?.Name, $"{field}.hints.forZones"),
            NodeHints = Hints(endpoint.Hints?.ForNodes, node => node?.Name, $"{field}.hints.forNodes"),
        };
    }

    private static ImmutableArray<string> Hints<T>(IList<T>? hints, Func<T, string?> name, string field) => hints switch
    {
        null or [] => [],
        [var only] => SharedText.ListOf(Fields.Present(name(only), $"{field}[0].name")),
        _ => [.. hints.Select((hint, i) => SharedText.Of(Fields.Present(name(hint), $"{field}[{i}].name")))],
    };
}
