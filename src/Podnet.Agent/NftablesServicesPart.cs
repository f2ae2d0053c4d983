using Podnet.Agent.Config;
using Podnet.Agent.Metrics;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Core.Sync;
using Podnet.Dataplane;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;

namespace Podnet.Agent;

/// <summary>Services of one IP family, by nf_tables: a change costs what it changes, however many Services there are.</summary>
internal sealed class NftablesServicesPart(IPFamily family, AgentOptions options, Lazy<Ruleset> ruleset, AgentMetrics metrics)
    : IServicesPart, IConnectionCounts
{
    private readonly ServedElsewhere _servedElsewhere = new(family, metrics);
    private readonly FamilyUse _use = new(family, options.NodeName);
    private ServiceTableDriver? _driver;
    private ServiceTable? _table;
    private ServiceProxyConfig _config = new();
    private Node? _node;

    /// <summary>The kernel has what <see cref="_table"/> wants, unless somebody else has been at it.</summary>
    private bool _isWritten;
    private bool _otherModeIsGone;

    public string Name => family == IPFamily.V4 ? "Services" : "Services, IPv6";

    public IReadOnlyList<IPFamily> Families { get; } = [family];

    public ConnectionCounts ReadConnections() => _table is null ? new ConnectionCounts(family, [], []) : _driver!.ReadConnections(_table);

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        _driver ??= new ServiceTableDriver(family, ruleset.Value);
        if (!_use.In(state, changes, _driver.IsThere))
            return RemoveOtherMode();
        var plan = Update(state, changes, readBack);
        _isWritten = true;
        _servedElsewhere.Report();
        return string.Join("; ", ((string?[])[Text(plan), RemoveOtherMode()]).OfType<string>()) is { Length: > 0 } done ? done : null;
    }

    public PartPreview Preview(ClusterState state)
    {
        _driver ??= new ServiceTableDriver(family, ruleset.Value);
        var otherMode = IptablesDriver.IsInstalled(family) ? new IptablesDriver(family).PreviewCleanup() : "";
        if (!_use.In(state, ClusterChanges.Everything, _driver.IsThere))
            return PartPreview.Of((Tools.RestoreOf(family), otherMode));
        Reconfigure(state, isAnother: true);
        PutAll(state);
        var plan = _driver.Preview(_table!);
        List<TableElement> wanted = [.. _table!.Elements];
        return PartPreview.Of((Tools.Nft, plan.ToString()), (Tools.RestoreOf(family), otherMode)) with
        {
            Before = [.. ServicePath.Of(family, plan.DeletedElements, wanted)],
            Wanted = [.. ServicePath.Of(family, wanted, [])],
            Effects = [.. _driver.PreviewSessions(_table).GroupBy(session => session).Select(group => EndOfSessions(group.Key, group.Count()))],
        };
    }

    private static string EndOfSessions((FrontendAddress Service, FrontendAddress Endpoint) session, int clients) =>
        $"{clients} {(clients == 1 ? "client" : "clients")} of {AddressText.Of(session.Service.Address!, session.Service.Port)}/{NftText.Word(session.Service.Protocol)}, kept at "
        + $"{AddressText.Of(session.Endpoint.Address!, session.Endpoint.Port)} by session affinity, {(clients == 1 ? "chooses" : "choose")} an endpoint anew";

    public string? Repair()
    {
        if (_table is not { } table || !_isWritten)
            return null;
        _isWritten = false; // Until it is known to be put right.
        var plan = _driver!.Repair(table);
        _isWritten = true;
        return Text(plan);
    }

    private TablePlan Update(ClusterState state, ClusterChanges changes, bool readBack)
    {
        var wasWritten = _isWritten;
        _isWritten = false;
        // The node's interfaces have a say, too, and nobody tells when they change.
        var isAnother = (changes.IsEverything || changes.Nodes || changes.ServiceCidrs || readBack || _table is null)
            && Reconfigure(state, changes.IsEverything);
        if (isAnother)
            PutAll(state);
        var change = new TableChange();
        foreach (var name in isAnother ? [] : changes.Services)
            Put(name, state, change);
        return isAnother || !wasWritten ? _driver!.Apply(_table!) : _driver!.Apply(_table!, change);
    }

    private void PutAll(ClusterState state)
    {
        foreach (var name in state.Services.Keys)
            Put(name, state, change: null);
    }

    /// <summary>A node that is told something else, or is somewhere else, has another table: it is put together anew, and compared.</summary>
    /// <param name="isAnother">Whatever it was told: nothing is known of what was before.</param>
    private bool Reconfigure(ClusterState state, bool isAnother)
    {
        var config = ServiceProxySettings.For(options, state);
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        var table = new ServiceTable(family, config, state.ServiceCidrs);
        if (!isAnother && _table is not null && config == _config && node.Zone == _node?.Zone && table.HasSameFixedPart(_table))
            return false;
        (_table, _config, _node) = (table, config, node);
        _servedElsewhere.Clear();
        return true;
    }

    private void Put(ObjectName name, ClusterState state, TableChange? change)
    {
        var ports = state.Services.TryGetValue(name, out var service)
            ? ServicePlanner.PlanService(service, state.SlicesOf(name), _node!, family).Ports
            : [];
        _table!.Put(name, ports, change);
        _servedElsewhere.Put(name, ports);
    }

    /// <summary>
    /// Only when these rules stand, or none are wanted: in between both do the same. Conntrack keeps established connections as they are, whichever rules
    /// they came by.
    /// </summary>
    /// <returns>What is to be said of it; null for nothing.</returns>
    private string? RemoveOtherMode()
    {
        if (_otherModeIsGone)
            return null;
        try
        {
            if (IptablesDriver.IsInstalled(family))
                new IptablesDriver(family).Cleanup();
            _otherModeIsGone = true;
            return null;
        }
        catch (IptablesException e)
        {
            // A table that iptables cannot read, say: no reason for Services not to work, nor to say it each time.
            _otherModeIsGone = true;
            return $"rules of iptables mode, if there are any, stay: {e.Message}";
        }
    }

    private static string? Text(TablePlan plan) => plan.IsEmpty ? null : plan.Summary;
}
