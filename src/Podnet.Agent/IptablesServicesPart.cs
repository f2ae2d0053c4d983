using System.Net;
using Podnet.Agent.Config;
using Podnet.Agent.Metrics;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Core.Sync;
using Podnet.Dataplane;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Linux;

namespace Podnet.Agent;

/// <summary>Service rules of one IP family, by iptables.</summary>
internal sealed class IptablesServicesPart(IPFamily family, AgentOptions options, Lazy<Ruleset> ruleset, AgentMetrics metrics) : IServicesPart, IConnectionCounts
{
    private const string TcpBeLiberal = "net.netfilter.nf_conntrack_tcp_be_liberal";

    private readonly IptablesDriver _driver = new(family);
    private bool? _inUse;
    private bool? _accounting;
    private bool _otherModeIsGone;
    private ServiceIntent _intent = ServiceIntent.Empty(family);

    public string Name => family == IPFamily.V4 ? "Service rules" : "Service rules, IPv6";

    public IReadOnlyList<IPFamily> Families { get; } = [family];

    public ConnectionCounts ReadConnections() =>
        _inUse == true ? _driver.ReadConnections(_intent) : new ConnectionCounts(family, [], []);

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!IsInUse(state, changes, _driver.CanariesStand))
            return null;
        var intent = ServicePlanner.Plan(state, options.NodeName, family);
        _accounting ??= AccountingObjects.TryEnsure();
        var rules = IptablesRenderer.Render(intent, Config(state, _accounting.Value));
        var sync = _driver.Apply(rules);
        _intent = intent;
        metrics.Planned(intent);
        metrics.Iptables(rules, sync.Written.Select(name => (name.Table, name.Chain)));
        var (written, deleted) = (sync.Written.Length, sync.Deleted.Length);
        if (readBack && !sync.ReadBack)
        {
            sync = _driver.Check();
            (written, deleted) = (written + sync.Written.Length, deleted + sync.Deleted.Length);
        }
        RemoveOtherMode();
        return Text(written, deleted);
    }

    public PartPreview Preview(ClusterState state)
    {
        var otherMode = new ServiceTableDriver(family, ruleset.Value).PreviewCleanup().ToString();
        var have = _driver.Read();
        var areThere = have.Table(IptablesTables.Mangle)?.Chain(KubeChains.Canary) is not null;
        if (!IsInUse(state, ClusterChanges.Everything, () => areThere))
            return PartPreview.Of((Tools.Nft, otherMode));
        var accounting = AccountingObjects.Missing();
        var wanted = IptablesRenderer.Render(ServicePlanner.Plan(state, options.NodeName, family), Config(state, accounting is not null));
        return PartPreview.Of(
            (Tools.Shell, string.Concat((accounting ?? []).Select(name => $"nfacct add {name}\n"))),
            (Tools.RestoreOf(family), IptablesDriver.Preview(wanted, have)),
            (Tools.Nft, otherMode)) with { Before = [.. ServicePath.Of(have)], Wanted = [.. ServicePath.Of(wanted)] };
    }

    public string? Repair()
    {
        if (_inUse != true || _driver.CanariesStand())
            return null;
        var sync = _driver.Check();
        return Text(sync.Written.Length, sync.Deleted.Length);
    }

    /// <summary>
    /// A cluster without IPv6 needs no IPv6 rules, not even the fixed ones; but once there are some (perhaps from an earlier
    /// agent), they are looked after.
    /// </summary>
    /// <param name="areThere">Looks for rules of an earlier agent.</param>
    private bool IsInUse(ClusterState state, ClusterChanges changes, Func<bool> areThere)
    {
        if (_inUse != true)
        {
            _inUse = family == IPFamily.V4
                || Changed(state, changes).Any(service => service.ClusterIPs.Any(IsOurs))
                || state.Nodes.GetValueOrDefault(options.NodeName)?.InternalIPs.Any(IsOurs) == true
                || (_inUse is null && areThere());
        }
        return _inUse.Value;
    }

    /// <summary>Once, and only when these rules stand: in between both do the same.</summary>
    private void RemoveOtherMode()
    {
        if (!_otherModeIsGone)
            new ServiceTableDriver(family, ruleset.Value).Cleanup();
        _otherModeIsGone = true;
    }

    private static IEnumerable<Service> Changed(ClusterState state, ClusterChanges changes) =>
        changes.IsEverything ? state.Services.Values : changes.Services.Select(name => state.Services.GetValueOrDefault(name)).OfType<Service>();

    private ServiceProxyConfig Config(ClusterState state, bool accounting)
    {
        return ServiceProxySettings.For(options, state) with
        {
            Nfacct = accounting,
            ConntrackTcpBeLiberal = Sysctl.Exists(TcpBeLiberal) && Sysctl.Read(TcpBeLiberal) == "1",
        };
    }

    private static string? Text(int written, int deleted) =>
        written + deleted == 0 ? null : $"{written} chains written, {deleted} deleted";

    private bool IsOurs(IPAddress address) => address.Family() == family;
}
