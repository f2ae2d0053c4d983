using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>
/// Endpoints, the form in which a Service's endpoints were written before EndpointSlices, for those who still read it (pkg/controller/endpoint);
/// and the other way round, slices of Endpoints that somebody wrote for a Service without a selector (pkg/controller/endpointslicemirroring).
/// </summary>
internal static class EndpointsPlan
{
    public const string MirroringController = "endpointslicemirroring-controller.k8s.io";
    public const string SkipMirror = "endpointslice.kubernetes.io/skip-mirror";

    /// <returns>Null where the Service has no endpoints of the control plane's making.</returns>
    public static V1Endpoints? Of(V1Service service, IEnumerable<V1Pod> pods, Func<string, V1Node?> nodeNamed)
    {
        if (service.Spec.Selector is not { Count: > 0 } || service.Spec.Type == "ExternalName" || service.Metadata.DeletionTimestamp is not null)
            return null;
        var labels = PodTemplates.Copy(service.Metadata.Labels);
        labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
        if (ServiceEndpoints.IsHeadless(service)) labels[WellKnown.Headless] = "";
        return new()
        {
            Metadata = new() { Name = service.Metadata.Name, NamespaceProperty = service.Metadata.NamespaceProperty, Labels = labels },
            Subsets = Subsets(ServiceEndpoints.Of(service, pods, nodeNamed, ServiceEndpoints.FamiliesOf(service)[0])),
        };
    }

    private static List<V1EndpointSubset>? Subsets(ImmutableArray<EndpointGroup> groups)
    {
        var subsets = new List<V1EndpointSubset>();
        foreach (var group in groups)
        {
            var endpoints = group.Endpoints.Values.Where(e => e.Conditions.Terminating != true || e.Conditions.Ready == true)
                .OrderBy(e => IPAddress.Parse(e.Addresses[0]).ToString(), StringComparer.Ordinal).ToLookup(e => e.Conditions.Ready == true);
            if (endpoints.Count == 0) continue;
            subsets.Add(new()
            {
                Addresses = Addresses(endpoints[true]),
                NotReadyAddresses = Addresses(endpoints[false]),
                Ports = group.Ports.IsEmpty ? null : [.. group.Ports.Select(port => new Corev1EndpointPort
                {
                    Name = string.IsNullOrEmpty(port.Name) ? null : port.Name, Port = port.Port ?? 0, Protocol = port.Protocol, AppProtocol = port.AppProtocol,
                })],
            });
        }
        return subsets.Count == 0 ? null : subsets;
    }

    private static List<V1EndpointAddress>? Addresses(IEnumerable<V1Endpoint> endpoints)
    {
        List<V1EndpointAddress> addresses = [.. endpoints.Select(e => new V1EndpointAddress
        {
            Ip = e.Addresses[0], Hostname = e.Hostname, NodeName = e.NodeName, TargetRef = e.TargetRef,
        })];
        return addresses.Count == 0 ? null : addresses;
    }

    /// <summary>The slices that mirror Endpoints of a Service without a selector.</summary>
    public static ImmutableArray<V1EndpointSlice> Mirror(V1Service? service, V1Endpoints? endpoints)
    {
        if (service is null or { Spec.Type: "ExternalName" } or { Spec.Selector.Count: > 0 } || endpoints is null
            || endpoints.Metadata.DeletionTimestamp is not null || endpoints.GetLabel(SkipMirror) == "true")
            return [];
        var slices = ImmutableArray.CreateBuilder<V1EndpointSlice>();
        foreach (var subset in endpoints.Subsets ?? [])
        {
            foreach (var family in (ReadOnlySpan<string>)["IPv4", "IPv6"])
            {
                V1Endpoint[] both = [.. EndpointsOf(subset.Addresses, family, true), .. EndpointsOf(subset.NotReadyAddresses, family, false)];
                if (both.Length > 0) slices.Add(Slice(endpoints, subset, family, both, slices.Count));
            }
        }
        return slices.ToImmutable();
    }

    private static IEnumerable<V1Endpoint> EndpointsOf(IEnumerable<V1EndpointAddress>? addresses, string family, bool ready)
    {
        var wanted = family == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        return (addresses ?? []).Where(a => IPAddress.TryParse(a.Ip, out var ip) && ip.AddressFamily == wanted).Select(a => new V1Endpoint
        {
            Addresses = [a.Ip],
            Hostname = a.Hostname,
            NodeName = a.NodeName,
            TargetRef = a.TargetRef,
            Conditions = new() { Ready = ready },
        });
    }

    private static V1EndpointSlice Slice(V1Endpoints endpoints, V1EndpointSubset subset, string family, V1Endpoint[] both, int index)
    {
        var labels = PodTemplates.Copy(endpoints.Metadata.Labels);
        labels[WellKnown.ServiceName] = endpoints.Metadata.Name;
        labels[WellKnown.ManagedBy] = MirroringController;
        return new()
        {
            Metadata = new()
            {
                Name = $"{endpoints.Metadata.Name}-{Objects.NameHash($"{endpoints.Metadata.Uid}/{index}")}",
                NamespaceProperty = endpoints.Metadata.NamespaceProperty,
                Labels = labels,
                OwnerReferences = [Owners.Reference(V1Endpoints.KubeApiVersion, V1Endpoints.KubeKind, endpoints.Metadata)],
            },
            AddressType = family,
            Endpoints = both,
            Ports = [.. (subset.Ports ?? []).Select(p => new Discoveryv1EndpointPort { Name = p.Name ?? "", Port = p.Port, Protocol = p.Protocol ?? "TCP", AppProtocol = p.AppProtocol })],
        };
    }
}
