using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Linux;

namespace Podnet.Local;

/// <summary>Whether a Service's cluster IPs answer on a node: a TCP connection from inside the node's namespace.</summary>
public static class ServiceReadiness
{
    // Arbitrary: on one machine an answer takes well under a millisecond; a SYN that no rule caught yet is not waited for.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Services whose selectors ready pods match, but which have no endpoint yet, of a family that they have an address of: their EndpointSlices are on their way.</summary>
    public static IEnumerable<string> Unserved(
        IEnumerable<V1Service> services, IReadOnlyCollection<V1Pod> pods, IReadOnlyCollection<V1EndpointSlice> slices) =>
        from service in services
        where service.Spec.Selector is { Count: > 0 } selector && !IsServed(service, slices)
            && pods.Any(pod => pod.Metadata.NamespaceProperty == service.Metadata.NamespaceProperty
                && pod.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true
                && selector.All(want => pod.Metadata.Labels?.TryGetValue(want.Key, out var value) == true && value == want.Value))
        select $"{service.Metadata.NamespaceProperty}/{service.Metadata.Name}";

    /// <summary>The first TCP port of each Service that has ready endpoints, at each cluster IP of their families, as the kernel of a node must translate it.</summary>
    public static IEnumerable<(string Service, IPEndPoint Address)> Targets(
        IEnumerable<V1Service> services, IReadOnlyCollection<V1EndpointSlice> slices) =>
        from service in services
        let port = service.Spec.Ports?.FirstOrDefault(p => p.Protocol is null or "TCP")
        where port is not null
        from address in ClusterIPs(service)
        where HasEndpoints(service, slices, AddressTypeOf(address))
        select ($"{service.Metadata.NamespaceProperty}/{service.Metadata.Name}", new IPEndPoint(address, port.Port));

    private static bool IsServed(V1Service service, IReadOnlyCollection<V1EndpointSlice> slices) => ClusterIPs(service).ToList() is { Count: > 0 } addresses
        ? addresses.TrueForAll(address => HasEndpoints(service, slices, AddressTypeOf(address)))
        : HasEndpoints(service, slices, addressType: null);

    /// <summary>None of a headless Service.</summary>
    private static IEnumerable<IPAddress> ClusterIPs(V1Service service)
    {
        foreach (var text in service.Spec.ClusterIPs ?? [])
        {
            if (IPAddress.TryParse(text, out var address))
                yield return address;
        }
    }

    private static string AddressTypeOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    private static bool HasEndpoints(V1Service service, IReadOnlyCollection<V1EndpointSlice> slices, string? addressType) => slices.Any(s =>
        s.Metadata.NamespaceProperty == service.Metadata.NamespaceProperty
        && (addressType is null || s.AddressType == addressType)
        && s.Metadata.Labels?.TryGetValue("kubernetes.io/service-name", out var owner) == true
        && owner == service.Metadata.Name
        && s.Endpoints?.Any(e => e.Conditions?.Ready != false) == true);

    public static async Task<bool> AnswersAsync(string @namespace, IPEndPoint address, CancellationToken cancel)
    {
        using var node = NetworkNamespace.OpenNamed(@namespace);
        using var socket = node.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        try
        {
            await socket.ConnectAsync(address, limit.Token);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }
}
