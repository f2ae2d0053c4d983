using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;

namespace Podnet.Agent;

/// <summary>Routes to the pods of other nodes, with the VXLAN device that some may need.</summary>
internal sealed class RoutesPart(AgentOptions options) : IPreviewedPart, IDisposable
{
    private PodNetworkDriver? _driver; // Made on the loop's thread: its socket belongs to that thread's namespace.

    public string Name => "Routes";

    /// <summary>Null before it is known.</summary>
    public PodNetwork? Wanted { get; private set; }

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        Wanted = Plan(state);
        return Repair();
    }

    public PartPreview Preview(ClusterState state)
    {
        var wanted = Plan(state);
        return PartPreview.Of(Tools.Shell, _driver!.Preview(wanted));
    }

    public string? Repair() => Wanted is { } wanted ? Reports.Text(_driver!.Apply(wanted)) : null;

    public void Dispose() => _driver?.Dispose();

    private PodNetwork Plan(ClusterState state)
    {
        _driver ??= new PodNetworkDriver();
        var own = state.Nodes.TryGetValue(options.NodeName, out var node) ? node.InternalIPs : [];
        return PodNetwork.For(state, options.NodeName, options.PodNetwork, _driver.ReadUnderlay(own));
    }
}
