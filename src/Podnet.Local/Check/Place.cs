using System.Net;

namespace Podnet.Local.Check;

public enum PlaceKind
{
    Pod,
    Node,
    Outside,
}

/// <summary>Where packets come from and go to: something with a network namespace of its own.</summary>
/// <param name="Name">"default/nginx-0", "node-1", "outside".</param>
/// <param name="Address">What others know it as: status.podIP, the node's InternalIP, outside's address on the fabric.</param>
/// <param name="Node">The node that it is or runs on; null for outside.</param>
public sealed record Place(PlaceKind Kind, string Name, IPAddress Address, string? Node)
{
    public override string ToString() => Kind switch
    {
        PlaceKind.Pod => $"pod/{Name}",
        PlaceKind.Node => $"node/{Name}",
        _ => Name,
    };
}
