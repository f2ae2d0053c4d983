using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;
using Podnet.Linux;

namespace Podnet.Local.Check;

/// <summary>What is there to be checked: places with their namespaces held open, and the Services that join them.</summary>
public sealed class CheckTargets : IDisposable
{
    private readonly Dictionary<Place, NetworkNamespace> _namespaces = [];
    private readonly List<NotChecked> _notChecked = [];
    private IPFamily _family;

    internal CheckTargets()
    {
    }

    public IReadOnlyCollection<Place> Places => _namespaces.Keys;

    public ClusterState State { get; internal set; } = ClusterState.Empty;

    public ImmutableArray<NotChecked> NotChecked => [.. _notChecked];

    /// <summary>The families that nodes have addresses of: each is checked for itself.</summary>
    public static ImmutableArray<IPFamily> FamiliesOf(IEnumerable<V1Node> nodes) =>
        [.. nodes.SelectMany(node => NodeConverter.Convert(node).Value?.InternalIPs ?? []).Select(address => address.Family()).Distinct().Order()];

    /// <summary>Of a local cluster's objects, as its API server has them. Needs root.</summary>
    /// <param name="family">Of the addresses that everybody has and is asked at.</param>
    public static CheckTargets Open(
        ClusterPaths paths, IEnumerable<V1Node> nodes, IEnumerable<V1Pod> pods, IEnumerable<V1Service> services,
        IEnumerable<V1EndpointSlice> slices, IPFamily family)
    {
        var targets = new CheckTargets { _family = family };
        try
        {
            targets.State = ClusterState.Empty with
            {
                Nodes = nodes.Select(n => targets.Convert("node", n.Metadata, NodeConverter.Convert(n)))
                    .OfType<Node>().ToImmutableDictionary(n => n.Name),
                Services = services.Select(s => targets.Convert("service", s.Metadata, ServiceConverter.Convert(s)))
                    .OfType<Service>().ToImmutableDictionary(s => s.Name),
                EndpointSlices = EndpointSliceIndex.Of(slices
                    .Select(s => targets.Convert("endpointslice", s.Metadata, EndpointSliceConverter.Convert(s))).OfType<EndpointSlice>()),
            };
            foreach (var node in targets.State.Nodes.Values.OrderBy(n => n.Name, StringComparer.Ordinal))
                targets.AddNode(paths, node);
            foreach (var pod in pods.OrderBy(p => p.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(p => p.Metadata.Name, StringComparer.Ordinal))
                targets.AddPod(paths, pod);
            targets.AddOutside(paths);
            return targets;
        }
        catch
        {
            targets.Dispose();
            throw;
        }
    }

    internal void Add(Place place, NetworkNamespace @namespace) => _namespaces.Add(place, @namespace);

    internal NetworkNamespace NamespaceOf(Place place) => _namespaces[place];

    /// <summary>Null for an address of nobody here.</summary>
    internal Place? At(IPAddress address) => _namespaces.Keys.FirstOrDefault(place => place.Address.Equals(address));

    /// <summary>Null for outside.</summary>
    internal Place? NodeOf(Place place) => _namespaces.Keys.FirstOrDefault(node => node.Kind == PlaceKind.Node && node.Name == place.Node);

    /// <summary>Whose address it is, for a row.</summary>
    internal string OwnerOf(IPAddress address, Place client) =>
        address.Equals(client.Address) ? ExpectedSource.Own : At(address)?.ToString() ?? "nobody";

    public void Dispose()
    {
        foreach (var @namespace in _namespaces.Values)
            @namespace.Dispose();
    }

    private T? Convert<T>(string kind, V1ObjectMeta meta, Converted<T> converted)
        where T : class
    {
        if (converted.Problem is { } problem)
            Skip($"{kind}/{Name(meta)}", problem, fault: true);
        return converted.Value;
    }

    private void AddNode(ClusterPaths paths, Node node)
    {
        if (node.InternalIPs.FirstOrDefault(ip => ip.Family() == _family) is not { } address)
            Skip($"node/{node.Name}", $"it has no {_family.Name()} InternalIP", fault: true);
        else if (!NetworkNamespace.Exists(paths.NodeNamespace(node.Name)))
            Skip($"node/{node.Name}", $"it has no network namespace {paths.NodeNamespace(node.Name)} on this machine", fault: true);
        else
            Add(new Place(PlaceKind.Node, node.Name, address, node.Name), paths.OpenNode(node.Name));
    }

    private void AddPod(ClusterPaths paths, V1Pod pod)
    {
        var name = Name(pod.Metadata);
        var what = $"pod/{name}";
        // A pod of the host network is its node; one that has no network yet, or none any more, has nothing to check.
        if (pod.Spec.HostNetwork == true)
            return;
        if (pod.Metadata.DeletionTimestamp is not null)
            Skip(what, "it is being deleted", fault: false);
        else if (pod.Status?.Phase != "Running")
            Skip(what, $"its phase is {pod.Status?.Phase ?? "unknown"}", fault: false);
        else if (AddressOf(pod) is not { } address)
            Skip(what, $"status.podIPs has no {_family.Name()} address", fault: true);
        else if (!Places.Any(place => place.Kind == PlaceKind.Node && place.Name == pod.Spec.NodeName))
            Skip(what, $"its node {pod.Spec.NodeName} cannot be checked", fault: true);
        else if (paths.SandboxPid(pod.Metadata.NamespaceProperty, pod.Metadata.Name) is not { } pid)
            Skip(what, "it is Running, but has no sandbox on this machine", fault: true);
        else
            Add(new Place(PlaceKind.Pod, name, address, pod.Spec.NodeName), NetworkNamespace.OfProcess(pid));
    }

    private IPAddress? AddressOf(V1Pod pod)
    {
        IEnumerable<string?> texts = pod.Status.PodIPs is { Count: > 0 } several ? several.Select(string? (one) => one.Ip) : [pod.Status.PodIP];
        return texts.Select(text => Addresses.TryParse(text, out var address) ? address : null).FirstOrDefault(address => address?.Family() == _family);
    }

    private void AddOutside(ClusterPaths paths)
    {
        if (Places.FirstOrDefault(place => place.Kind == PlaceKind.Node) is not { } node)
            return;
        if (!NetworkNamespace.Exists(paths.OutsideNamespace))
        {
            Skip("outside", $"there is no network namespace {paths.OutsideNamespace}", fault: true);
            return;
        }

        var outside = NetworkNamespace.OpenNamed(paths.OutsideNamespace);
        // connect(2) of a datagram socket sends nothing: it only looks up which address the kernel would use.
        var address = outside.Run(() =>
        {
            using var socket = new Socket(node.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(node.Address, 9); // discard; any port does
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        });
        Add(new Place(PlaceKind.Outside, "outside", address, null), outside);
    }

    private void Skip(string what, string why, bool fault) => _notChecked.Add(new NotChecked(what, why, fault));

    private static string Name(V1ObjectMeta meta) =>
        string.IsNullOrEmpty(meta.NamespaceProperty) ? meta.Name : $"{meta.NamespaceProperty}/{meta.Name}";
}
