namespace Podnet.Core.Routes;

/// <summary>How packets get to another node's pods.</summary>
public enum PodNetworkMode
{
    /// <summary><see cref="Direct"/> to a node on a link of this node's own, <see cref="Vxlan"/> to any other.</summary>
    Auto,

    /// <summary>By the other node's address: both must be on one link.</summary>
    Direct,

    /// <summary>Wrapped in packets between the nodes' own addresses: whatever is between the nodes need not know of pods.</summary>
    Vxlan,
}
