using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>The files for container runtimes and the CNI plugin, once the node has pod CIDRs. They stay when the agent ends.</summary>
/// <param name="podMtu">In bytes; null as long as it is not known.</param>
internal sealed class CniPart(string nodeName, CniFiles files, Func<int?> podMtu) : IDataplanePart
{
    private ImmutableArray<IPNetwork> _podCidrs = [];

    public string Name => "CNI configuration";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        // A Node that is gone for a moment, or made anew, does not take the network from the pods that are there.
        if (state.Nodes.TryGetValue(nodeName, out var node) && !node.PodCidrs.IsEmpty)
            _podCidrs = node.PodCidrs;
        return Repair();
    }

    public string? Repair() =>
        !_podCidrs.IsEmpty && files.Ensure(_podCidrs, podMtu()) is { Count: > 0 } written ? $"wrote {string.Join(" and ", written)}" : null;
}
