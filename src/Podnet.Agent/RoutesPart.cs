using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;

namespace Podnet.Agent;

/// <summary>Routes to the pods of other nodes, with the VXLAN device that some may need.</summary>
internal sealed class RoutesPart(AgentOptions options) : IPreviewedPart, IDisposable
{
    private PodNetworkDriver? _driver; // Made on the loop's thread: its socket belongs to that thread's namespace.
    private PodNetwork? _wanted;

    public string Name => "Routes";

    /// <summary>For this node's pods, in bytes; null before it is known.</summary>
    public int? PodMtu => _wanted?.PodMtu;

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        _wanted = Wanted(state);
        return Repair();
    }

    public PartPreview Preview(ClusterState state)
    {
        var wanted = Wanted(state);
        return PartPreview.Of(Tools.Shell, _driver!.Preview(wanted));
    }

    public string? Repair() => _wanted is { } wanted ? Reports.Text(_driver!.Apply(wanted)) : null;

    public void Dispose() => _driver?.Dispose();

    private PodNetwork Wanted(ClusterState state)
    {
        _driver ??= new PodNetworkDriver();
        var own = state.Nodes.TryGetValue(options.NodeName, out var node) ? node.InternalIPs : [];
        return PodNetwork.For(state, options.NodeName, options.PodNetwork, _driver.ReadUnderlay(own));
    }
}
