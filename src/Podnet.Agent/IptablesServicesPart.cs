using System.Net;
using Podnet.Agent.Config;
using Podnet.Agent.Metrics;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;
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
        if (!IsInUse(state, changes))
            return null;
        var intent = ServicePlanner.Plan(state, options.NodeName, family);
        var rules = IptablesRenderer.Render(intent, Config(state));
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
    private bool IsInUse(ClusterState state, ClusterChanges changes)
    {
        if (_inUse != true)
        {
            _inUse = family == IPFamily.V4
                || Changed(state, changes).Any(service => service.ClusterIPs.Any(IsOurs))
                || state.Nodes.GetValueOrDefault(options.NodeName)?.InternalIPs.Any(IsOurs) == true
                || (_inUse is null && _driver.CanariesStand());
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

    private ServiceProxyConfig Config(ClusterState state)
    {
        _accounting ??= AccountingObjects.TryEnsure();
        return ServiceProxySettings.For(options, state) with
        {
            Nfacct = _accounting.Value,
            ConntrackTcpBeLiberal = Sysctl.Exists(TcpBeLiberal) && Sysctl.Read(TcpBeLiberal) == "1",
        };
    }

    private static string? Text(int written, int deleted) =>
        written + deleted == 0 ? null : $"{written} chains written, {deleted} deleted";

    private bool IsOurs(IPAddress address) => address.Family() == family;
}
