using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Nftables;

namespace Podnet.Agent;

/// <summary>Masquerade of what this node's pods send to beyond the cluster.</summary>
internal sealed class EgressPart(AgentOptions options, Lazy<Ruleset> ruleset) : IPreviewedPart
{
    private EgressDriver? _driver;
    private IReadOnlyCollection<EgressMasquerade> _wanted = [];

    public string Name => "Egress rules";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        _wanted = Wanted(state);
        return Repair();
    }

    public PartPreview Preview(ClusterState state) => PartPreview.Of(
        Tools.Nft, (_driver ??= new EgressDriver(ruleset.Value)).Preview(Wanted(state)));

    public string? Repair() => Reports.Text((_driver ??= new EgressDriver(ruleset.Value)).Apply(_wanted));

    private IReadOnlyCollection<EgressMasquerade> Wanted(ClusterState state) =>
        EgressMasquerade.For(state, options.NodeName, options.ClusterCidrs, options.NonMasqueradeCidrs);
}
