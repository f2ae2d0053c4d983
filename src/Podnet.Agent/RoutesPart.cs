using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Routes;

namespace Podnet.Agent;

/// <summary>Routes to the pods of other nodes.</summary>
internal sealed class RoutesPart(AgentOptions options) : IPreviewedPart, IDisposable
{
    private RouteDriver? _driver; // Made on the loop's thread: its socket belongs to that thread's namespace.
    private IReadOnlyCollection<PodRoute> _wanted = [];

    public string Name => "Routes";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        _wanted = PodRoutes.For(state, options.NodeName);
        return Repair();
    }

    public PartPreview Preview(ClusterState state) =>
        PartPreview.Of(Tools.Shell, (_driver ??= new RouteDriver()).Preview(PodRoutes.For(state, options.NodeName)));

    public string? Repair() => Reports.Text((_driver ??= new RouteDriver()).Apply(_wanted));

    public void Dispose() => _driver?.Dispose();
}
