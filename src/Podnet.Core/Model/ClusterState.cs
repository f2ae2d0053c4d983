using System.Collections.Immutable;

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

    /// <summary>By the slice's own name.</summary>
    public ImmutableDictionary<ObjectName, EndpointSlice> EndpointSlices { get; init; } =
        ImmutableDictionary<ObjectName, EndpointSlice>.Empty;
}
