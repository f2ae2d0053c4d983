using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Model;

/// <summary>
/// What the API server says, at one moment, of everything that matters to a node's network. Immutable: a change makes a new
/// one, which shares what did not change, so comparing by reference tells what is untouched.
/// </summary>
public sealed record ClusterState
{
    public static readonly ClusterState Empty = new();

    public ImmutableDictionary<string, Node> Nodes { get; init; } = ImmutableDictionary<string, Node>.Empty;

    public ImmutableDictionary<ObjectName, Service> Services { get; init; } = ImmutableDictionary<ObjectName, Service>.Empty;

    /// <summary>
    /// By the name of the Service that they belong to, whether there is one or not; each array is sorted by slice name and not
    /// empty. <see cref="EndpointSliceIndex"/> makes and changes it.
    /// </summary>
    public ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> EndpointSlices { get; init; } = EndpointSliceIndex.Empty;

    /// <summary>
    /// Where cluster IPs come from: the blocks of all ServiceCIDR objects that are not being deleted, sorted, each once. Empty where
    /// the API server has none (before Kubernetes 1.33 they need not exist).
    /// </summary>
    public ImmutableArray<IPNetwork> ServiceCidrs { get; init; } = [];

    /// <summary>Sorted by slice name; empty where the Service has none.</summary>
    public ImmutableArray<EndpointSlice> SlicesOf(ObjectName service) => EndpointSlices.GetValueOrDefault(service, []);
}
