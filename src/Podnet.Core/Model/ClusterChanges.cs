using System.Collections.Immutable;

namespace Podnet.Core.Model;

/// <summary>
/// What of a <see cref="ClusterState"/> may be another than before, so that a change costs what it changes. It may name too much,
/// never too little; what is to be done follows from the state alone.
/// </summary>
public sealed class ClusterChanges
{
    public static readonly ClusterChanges None = new();

    /// <summary>Nothing is known of what was before: the first sync.</summary>
    public static readonly ClusterChanges Everything = new() { IsEverything = true, Nodes = true, ServiceCidrs = true };

    public static readonly ClusterChanges OfNodes = new() { Nodes = true };

    public static readonly ClusterChanges OfServiceCidrs = new() { ServiceCidrs = true };

    private ClusterChanges()
    {
    }

    /// <summary>Any Service may be another: <see cref="Services"/> is empty then and names none of them.</summary>
    public bool IsEverything { get; private init; }

    /// <summary>Services that changed, came or went, and those of which any slice did.</summary>
    public ImmutableHashSet<ObjectName> Services { get; private init; } = [];

    /// <summary>Any Node, this one perhaps among them.</summary>
    public bool Nodes { get; private init; }

    public bool ServiceCidrs { get; private init; }

    public bool IsNone => !IsEverything && !Nodes && !ServiceCidrs && Services.IsEmpty;

    public static ClusterChanges OfServices(params ReadOnlySpan<ObjectName> names) => new() { Services = [.. names] };

    /// <summary>What changed from before the first to after the second. Costs as much as the smaller one is large.</summary>
    public ClusterChanges Merge(ClusterChanges other)
    {
        if (other.IsNone || IsEverything)
            return this;
        if (IsNone || other.IsEverything)
            return other;
        var (more, less) = Services.Count >= other.Services.Count ? (Services, other.Services) : (other.Services, Services);
        return new()
        {
            Services = more.Union(less),
            Nodes = Nodes || other.Nodes,
            ServiceCidrs = ServiceCidrs || other.ServiceCidrs,
        };
    }
}
