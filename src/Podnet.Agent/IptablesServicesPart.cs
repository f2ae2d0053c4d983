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
internal sealed class IptablesServicesPart(
    IPFamily family, AgentOptions options, Lazy<Ruleset> ruleset, AgentMetrics metrics, TimeProvider? timeProvider = null) : IServicesPart, IConnectionCounts
{
    /// <summary>All rules are read back so often even where each change of others is told, as kube-proxy writes all of them.</summary>
    private static readonly TimeSpan LongestTrust = TimeSpan.FromHours(1);

    private const string TcpBeLiberal = "net.netfilter.nf_conntrack_tcp_be_liberal";
    private static readonly string[] Counted = [IptablesTables.Filter, IptablesTables.Nat];

    private readonly ServedElsewhere _servedElsewhere = new(family, metrics);
    private readonly Dictionary<string, int> _ruleCounts = new(StringComparer.Ordinal);
    private readonly FamilyUse _use = new(family, options.NodeName);
    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;
    private IptablesDriver? _driver;
    private IptablesServices? _services;
    private Node? _node;

    /// <summary>The kernel has what <see cref="_services"/> want, unless somebody else has been at it.</summary>
    private bool _isWritten;
    private long _readBackAt;
    private bool? _accounting;
    private bool _otherModeIsGone;

    public string Name => family == IPFamily.V4 ? "Service rules" : "Service rules, IPv6";

    public IReadOnlyList<IPFamily> Families { get; } = [family];

    public ConnectionCounts ReadConnections() =>
        _services is { } services ? _driver!.ReadConnections(services.Intent) : new ConnectionCounts(family, [], []);

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        _driver ??= new IptablesDriver(family, ruleset.Value);
        if (!_use.In(state, changes, _driver.CanariesStand))
        {
            RemoveOtherMode();
            return null;
        }
        var sync = Update(state, changes, readBack);
        _isWritten = true;
        _servedElsewhere.Report();
        foreach (var table in Counted)
            metrics.Iptables(family, table, _ruleCounts[table], sync.RuleCounts.GetValueOrDefault(table));
        RemoveOtherMode();
        return Text(sync);
    }

    public PartPreview Preview(ClusterState state)
    {
        var otherMode = new ServiceTableDriver(family, ruleset.Value).PreviewCleanup().ToString();
        var have = new IptablesDriver(family).Read();
        var areThere = have.Table(IptablesTables.Mangle)?.Chain(KubeChains.Canary) is not null;
        if (!_use.In(state, ClusterChanges.Everything, () => areThere))
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
        if (!_isWritten)
            return null;
        _isWritten = false; // Until it is known to be put right.
        var sync = _driver!.Repair(_services!.Render);
        _isWritten = true;
        return Text(sync);
    }

    private IptablesSync Update(ClusterState state, ClusterChanges changes, bool readBack)
    {
        var wasWritten = _isWritten;
        _isWritten = false;
        var isAnother = Reconfigure(state, changes.IsEverything);
        var wasLarge = _services!.IsLarge;
        var change = isAnother ? null : new IptablesChange();
        foreach (var name in isAnother ? state.Services.Keys : changes.Services)
            Put(name, state, change);
        if (change is null || !wasWritten || (readBack && !IsTrusted()) || wasLarge != _services.IsLarge)
            return ApplyAll();
        foreach (var table in Counted)
            _ruleCounts[table] += change.Growth(table);
        return _driver!.Apply(change);
    }

    private bool IsTrusted() => _driver!.SeesChanges && _time.GetElapsedTime(_readBackAt) < LongestTrust;

    private IptablesSync ApplyAll()
    {
        _readBackAt = _time.GetTimestamp();
        var rules = _services!.Render();
        foreach (var table in Counted)
            _ruleCounts[table] = rules.Table(table)!.Chains.Values.Sum(chain => chain.Rules.Length);
        return _driver!.Apply(rules);
    }

    /// <summary>What a node is told, and where it is, is in the rules of all Services.</summary>
    /// <param name="isAnother">Whatever it was told: nothing is known of what was before.</param>
    private bool Reconfigure(ClusterState state, bool isAnother)
    {
        _accounting ??= AccountingObjects.TryEnsure();
        var config = Config(state, _accounting.Value);
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        if (!isAnother && _services is not null && config == _services.Config && node.Zone == _node?.Zone)
            return false;
        (_services, _node) = (new IptablesServices(family, config), node);
        _servedElsewhere.Clear();
        return true;
    }

    private void Put(ObjectName name, ClusterState state, IptablesChange? change)
    {
        var share = state.Services.TryGetValue(name, out var service)
            ? ServicePlanner.PlanService(service, state.SlicesOf(name), _node!, family)
            : ServiceIntent.Empty(family);
        _services!.Put(name, share, change);
        _servedElsewhere.Put(name, share.Ports);
    }

    /// <summary>Once, and only when these rules stand, or none are wanted: in between both do the same.</summary>
    private void RemoveOtherMode()
    {
        if (!_otherModeIsGone)
            new ServiceTableDriver(family, ruleset.Value).Cleanup();
        _otherModeIsGone = true;
    }

    private ServiceProxyConfig Config(ClusterState state, bool accounting)
    {
        return ServiceProxySettings.For(options, state) with
        {
            Nfacct = accounting,
            // The fast path sets it for itself, later; for what the rule then still drops it is as right as before.
            ConntrackTcpBeLiberal = options.FastPath ? options.Conntrack.TcpBeLiberal : Sysctl.Exists(TcpBeLiberal) && Sysctl.Read(TcpBeLiberal) == "1",
        };
    }

    private static string? Text(IptablesSync sync) =>
        sync.ChangedNothing ? null : $"{sync.Written.Length} chains written, {sync.Deleted.Length} deleted";
}
