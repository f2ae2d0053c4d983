using System.Collections.Immutable;
using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>How a Service's EndpointSlices must change.</summary>
internal sealed record EndpointSliceDecision(
    ImmutableArray<V1EndpointSlice> Create, ImmutableArray<V1EndpointSlice> Update, ImmutableArray<V1EndpointSlice> Delete)
{
    public static readonly EndpointSliceDecision Nothing = new([], [], []);
}

/// <summary>
/// The decisions of Kubernetes' staging/src/k8s.io/endpointslice/reconciler.go: as few slices written as possible. An endpoint
/// stays in the slice that it is in; new ones fill up slices that change anyway, then the fullest that has room.
/// </summary>
internal static class EndpointSlicePlan
{
    /// <summary>Endpoints a slice: kube-controller-manager's default of --max-endpoints-per-slice.</summary>
    public const int MaxEndpoints = 100;

    /// <param name="pods">Of the Service's namespace.</param>
    /// <param name="slices">Of the Service's namespace; those of other Services and controllers are left alone.</param>
    public static EndpointSliceDecision Decide(
        V1Service service, IReadOnlyCollection<V1Pod> pods, Func<string, V1Node?> nodeNamed, IReadOnlyCollection<V1EndpointSlice> slices)
    {
        if (service.Spec.Selector is not { Count: > 0 } || service.Spec.Type == "ExternalName") return EndpointSliceDecision.Nothing;
        if (service.Metadata.DeletionTimestamp is not null) return EndpointSliceDecision.Nothing;
        var ours = slices.Where(slice => IsOurs(slice, service)).OrderBy(slice => slice.Metadata.Name, StringComparer.Ordinal).ToList();
        var changes = new Changes(service, slices.Select(slice => slice.Metadata.Name));
        var families = ServiceEndpoints.FamiliesOf(service);
        foreach (var family in families)
        {
            var groups = ServiceEndpoints.Of(service, pods, nodeNamed, family);
            var existing = ours.Where(slice => slice.AddressType == family).ToList();
            foreach (var group in groups)
            {
                var same = existing.Where(slice => SamePorts(slice.Ports, group.Ports)).ToList();
                existing.RemoveAll(same.Contains);
                Distribute(changes, family, group, same);
            }
            existing.ForEach(changes.Remove);
        }
        foreach (var slice in ours.Where(slice => !families.Contains(slice.AddressType))) changes.Remove(slice);
        return changes.Decision();
    }

    /// <summary>It is this controller's, and of this very Service, not of one that had the name before.</summary>
    public static bool IsOurs(V1EndpointSlice slice, V1Service service) =>
        slice.GetLabel(WellKnown.ServiceName) == service.Metadata.Name
        && slice.GetLabel(WellKnown.ManagedBy) == WellKnown.EndpointSliceController
        && slice.Metadata.IsControlledBy(service.Metadata)
        && slice.Metadata.DeletionTimestamp is null;

    private static void Distribute(Changes changes, string family, EndpointGroup group, List<V1EndpointSlice> slices)
    {
        var homeless = new Dictionary<string, V1Endpoint>(group.Endpoints, StringComparer.Ordinal);
        var kept = slices.ConvertAll(slice => (Slice: slice, Endpoints: Keep(slice, homeless)));
        var rest = new Queue<V1Endpoint>(homeless.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => e.Value));
        // Slices that change anyway come first, then the fullest; one that lost all its endpoints is not filled unless it must be.
        foreach (var (slice, endpoints) in kept.OrderByDescending(k => !SameEndpoints(k.Slice, k.Endpoints))
            .ThenByDescending(k => k.Endpoints.Count).ThenBy(k => k.Slice.Metadata.Name, StringComparer.Ordinal))
        {
            while (endpoints.Count < MaxEndpoints && rest.TryDequeue(out var endpoint)) endpoints.Add(endpoint);
        }
        var someStay = kept.Any(k => k.Endpoints.Count > 0) || rest.Count > 0;
        foreach (var (slice, endpoints) in kept)
        {
            if (endpoints.Count > 0 || !someStay)
            {
                changes.Keep(slice, endpoints, group.Ports);
                someStay = true;
            }
            else
            {
                changes.Remove(slice);
            }
        }
        while (rest.Count > 0 || !someStay)
        {
            var endpoints = new List<V1Endpoint>();
            while (endpoints.Count < MaxEndpoints && rest.TryDequeue(out var endpoint)) endpoints.Add(endpoint);
            changes.Add(family, endpoints, group.Ports);
            someStay = true;
        }
    }

    /// <summary>The slice's endpoints that are still wanted, as they are now; they are taken out of <paramref name="homeless"/>.</summary>
    private static List<V1Endpoint> Keep(V1EndpointSlice slice, Dictionary<string, V1Endpoint> homeless)
    {
        var kept = new List<V1Endpoint>();
        foreach (var endpoint in slice.Endpoints ?? [])
            if (endpoint.TargetRef?.Uid is { } uid && kept.Count < MaxEndpoints && homeless.Remove(uid, out var now)) kept.Add(now);
        return kept;
    }

    private static bool SameEndpoints(V1EndpointSlice slice, List<V1Endpoint> endpoints) =>
        (slice.Endpoints?.Count ?? 0) == endpoints.Count && (slice.Endpoints ?? []).Zip(endpoints).All(p => Objects.Same(p.First, p.Second));

    private static bool SamePorts(IList<Discoveryv1EndpointPort>? left, ImmutableArray<Discoveryv1EndpointPort> right) =>
        (left?.Count ?? 0) == right.Length && (left ?? []).OrderBy(PortKey, StringComparer.Ordinal)
            .Zip(right.OrderBy(PortKey, StringComparer.Ordinal)).All(p => PortKey(p.First) == PortKey(p.Second));

    private static string PortKey(Discoveryv1EndpointPort port) => $"{port.Name}/{port.Protocol ?? "TCP"}/{port.Port}/{port.AppProtocol}";

    /// <summary>Collects what is written, and turns a deletion and a creation into one update.</summary>
    private sealed class Changes(V1Service service, IEnumerable<string> namesInUse)
    {
        private readonly HashSet<string> _names = [.. namesInUse];
        private readonly List<V1EndpointSlice> _create = [], _update = [], _delete = [];

        public void Remove(V1EndpointSlice slice) => _delete.Add(slice);

        public void Keep(V1EndpointSlice slice, List<V1Endpoint> endpoints, ImmutableArray<Discoveryv1EndpointPort> ports)
        {
            if (!SameEndpoints(slice, endpoints) || !Objects.Same(slice.Metadata.Labels, Labels())) _update.Add(Changed(slice, endpoints, ports));
        }

        public void Add(string family, List<V1Endpoint> endpoints, ImmutableArray<Discoveryv1EndpointPort> ports) => _create.Add(new V1EndpointSlice
        {
            AddressType = family,
            Endpoints = endpoints,
            Ports = [.. ports],
        });

        public EndpointSliceDecision Decision()
        {
            var create = new List<V1EndpointSlice>();
            foreach (var @new in _create)
            {
                if (_delete.Find(old => old.AddressType == @new.AddressType) is { } reused)
                {
                    _delete.Remove(reused);
                    _update.Add(Changed(reused, @new.Endpoints, [.. @new.Ports]));
                    continue;
                }
                @new.Metadata = NewMetadata(@new.AddressType);
                create.Add(@new);
            }
            return new EndpointSliceDecision([.. create], [.. _update], [.. _delete]);
        }

        private V1EndpointSlice Changed(V1EndpointSlice slice, IList<V1Endpoint> endpoints, ImmutableArray<Discoveryv1EndpointPort> ports)
        {
            var changed = slice.Clone();
            changed.Metadata.Labels = Labels();
            changed.Endpoints = endpoints;
            changed.Ports = [.. ports];
            return changed;
        }

        /// <summary>The first free one of a fixed sequence of names: who decides twice from the same state creates only once.</summary>
        private V1ObjectMeta NewMetadata(string family)
        {
            var names = Enumerable.Range(0, int.MaxValue)
                .Select(i => $"{service.Metadata.Name}-{Objects.NameHash($"{service.Metadata.Uid}/{family}/{i}")}");
            return new V1ObjectMeta
            {
                Name = names.First(_names.Add),
                NamespaceProperty = service.Metadata.NamespaceProperty,
                Labels = Labels(),
                OwnerReferences = [Owners.Reference(V1Service.KubeApiVersion, V1Service.KubeKind, service.Metadata)],
            };
        }

        /// <summary>The Service's own labels and the controller's, which win.</summary>
        private Dictionary<string, string> Labels()
        {
            var labels = PodTemplates.Copy(service.Metadata.Labels);
            labels.Remove(WellKnown.Headless);
            labels[WellKnown.ServiceName] = service.Metadata.Name;
            labels[WellKnown.ManagedBy] = WellKnown.EndpointSliceController;
            if (ServiceEndpoints.IsHeadless(service)) labels[WellKnown.Headless] = "";
            return labels;
        }
    }
}
