using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>Endpoints that serve on the same port numbers, by their pods' uid.</summary>
internal sealed record EndpointGroup(ImmutableArray<Discoveryv1EndpointPort> Ports, ImmutableDictionary<string, V1Endpoint> Endpoints);

/// <summary>A Service's endpoints, from the pods that it selects.</summary>
internal static class ServiceEndpoints
{
    public static bool IsHeadless(V1Service service) => service.Spec.ClusterIP == "None";

    /// <summary>addressType of the slices that the Service needs: "IPv4", "IPv6".</summary>
    public static ImmutableArray<string> FamiliesOf(V1Service service)
    {
        if (service.Spec.IpFamilies is { Count: > 0 } families) return [.. families];
        return IPAddress.TryParse(service.Spec.ClusterIP, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 ? ["IPv6"] : ["IPv4"];
    }

    /// <summary>At least one group: without endpoints, an empty one without ports, so that a slice says that there are none.</summary>
    public static ImmutableArray<EndpointGroup> Of(
        V1Service service, IEnumerable<V1Pod> pods, Func<string, V1Node?> nodeNamed, string family)
    {
        var selector = Selector.Of(service.Spec.Selector);
        var endpoints = pods
            .Where(pod => selector.Matches(pod.Metadata.Labels) && !pod.IsFinished())
            .Select(pod => (Pod: pod, Address: AddressOf(pod, family)))
            .Where(p => p.Address is not null)
            .Select(p => (p.Pod.Metadata.Uid, Ports: PortsOf(service, p.Pod), Endpoint: Endpoint(service, p.Pod, p.Address!, nodeNamed)));
        var groups = endpoints.GroupBy(e => string.Join(',', e.Ports.Select(p => $"{p.Name}/{p.Protocol}/{p.Port}/{p.AppProtocol}")))
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new EndpointGroup(g.First().Ports, g.ToImmutableDictionary(e => e.Uid, e => e.Endpoint)))
            .ToImmutableArray();
        return groups.IsEmpty ? [new EndpointGroup([], ImmutableDictionary<string, V1Endpoint>.Empty)] : groups;
    }

    private static string? AddressOf(V1Pod pod, string family)
    {
        IEnumerable<string?> addresses = pod.Status?.PodIPs is { Count: > 0 } several ? several.Select(string? (ip) => ip.Ip) : [pod.Status?.PodIP];
        var wanted = family == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        return addresses.FirstOrDefault(text => IPAddress.TryParse(text, out var ip) && ip.AddressFamily == wanted);
    }

    /// <summary>A named targetPort is a port of the pod's own; where the pod has none of that name, the pod does not serve that port.</summary>
    private static ImmutableArray<Discoveryv1EndpointPort> PortsOf(V1Service service, V1Pod pod)
    {
        var ports = ImmutableArray.CreateBuilder<Discoveryv1EndpointPort>();
        foreach (var port in service.Spec.Ports ?? [])
        {
            var protocol = port.Protocol ?? "TCP";
            if (Number(port, protocol, pod) is { } number)
                ports.Add(new Discoveryv1EndpointPort { Name = port.Name ?? "", Protocol = protocol, Port = number, AppProtocol = port.AppProtocol });
        }
        return ports.ToImmutable();
    }

    private static int? Number(V1ServicePort port, string protocol, V1Pod pod)
    {
        if (port.TargetPort?.Value is not { Length: > 0 } target) return port.Port;
        if (int.TryParse(target, CultureInfo.InvariantCulture, out var number)) return number == 0 ? port.Port : number;
        var sidecars = (pod.Spec.InitContainers ?? []).Where(c => c.RestartPolicy == "Always");
        return (pod.Spec.Containers ?? []).Concat(sidecars).SelectMany(c => c.Ports ?? [])
            .FirstOrDefault(p => p.Name == target && (p.Protocol ?? "TCP") == protocol)?.ContainerPort;
    }

    private static V1Endpoint Endpoint(V1Service service, V1Pod pod, string address, Func<string, V1Node?> nodeNamed)
    {
        var (serving, terminating) = (pod.IsReady(), pod.IsTerminating());
        var named = !string.IsNullOrEmpty(pod.Spec.Hostname) && pod.Spec.Subdomain == service.Metadata.Name;
        return new V1Endpoint
        {
            Addresses = [address],
            Conditions = new V1EndpointConditions
            {
                // "ready … should never be 'true' for terminating endpoints, except when the normal readiness behavior is being
                // explicitly overridden, for example when the associated Service has set the publishNotReadyAddresses flag."
                Ready = service.Spec.PublishNotReadyAddresses == true || (serving && !terminating),
                Serving = serving,
                Terminating = terminating,
            },
            Hostname = named ? pod.Spec.Hostname : null,
            NodeName = pod.IsBound() ? pod.Spec.NodeName : null,
            Zone = pod.IsBound() ? nodeNamed(pod.Spec.NodeName)?.GetLabel(WellKnown.Zone) : null,
            TargetRef = new V1ObjectReference
            {
                Kind = V1Pod.KubeKind,
                NamespaceProperty = pod.Metadata.NamespaceProperty,
                Name = pod.Metadata.Name,
                Uid = pod.Metadata.Uid,
            },
        };
    }
}
