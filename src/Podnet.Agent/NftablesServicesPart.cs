using System.Net;
using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Rules;
using Podnet.Core.Services;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;

namespace Podnet.Agent;

/// <summary>Services of one IP family, by nf_tables: a change costs what it changes, however many Services there are.</summary>
internal sealed class NftablesServicesPart(IPFamily family, AgentOptions options) : IDataplanePart, IDisposable
{
    private ServiceTableDriver? _driver; // Made on the loop's thread: its socket belongs to that thread's namespace.
    private ServiceTable? _table;
    private ServiceProxyConfig _config = new();
    private Node? _node;

    /// <summary>The kernel has what <see cref="_table"/> wants, unless somebody else has been at it.</summary>
    private bool _isWritten;
    private bool _otherModeIsGone;

    public string Name => family == IPFamily.V4 ? "Services" : "Services, IPv6";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        _driver ??= new ServiceTableDriver(family);
        var plan = Update(state, changes);
        _isWritten = true;
        RemoveOtherMode();
        return Text(plan);
    }

    public string? Repair()
    {
        if (_table is not { } table || !_isWritten)
            return null;
        return Text(_driver!.Repair(table));
    }

    public void Dispose() => _driver?.Dispose();

    private TablePlan Update(ClusterState state, ClusterChanges changes)
    {
        var wasWritten = _isWritten;
        _isWritten = false;
        var isAnother = changes.IsEverything || _table is null;
        if (isAnother || changes.Nodes || changes.ServiceCidrs)
            isAnother |= Reconfigure(state);
        if (isAnother)
        {
            foreach (var name in state.Services.Keys)
                Put(state, name, change: null);
        }
        var change = new TableChange();
        foreach (var name in isAnother ? [] : changes.Services)
            Put(state, name, change);
        return isAnother || !wasWritten ? _driver!.Apply(_table!) : _driver!.Apply(_table!, change);
    }

    /// <summary>A node that is told something else, or is somewhere else, has another table: it is put together anew, and compared.</summary>
    private bool Reconfigure(ClusterState state)
    {
        var config = ServiceProxySettings.For(options, state);
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        var table = new ServiceTable(family, config, state.ServiceCidrs);
        if (_table is not null && config == _config && node.Zone == _node?.Zone && table.HasSameFixedPart(_table))
            return false;
        (_table, _config, _node) = (table, config, node);
        return true;
    }

    private void Put(ClusterState state, ObjectName name, TableChange? change) => _table!.Put(
        name,
        state.Services.TryGetValue(name, out var service) ? ServicePlanner.PlanService(service, state.SlicesOf(name), _node!, family).Ports : [],
        change);

    /// <summary>
    /// Only when these rules stand: in between both do the same. Conntrack keeps established connections as they are, whichever rules
    /// they came by.
    /// </summary>
    private void RemoveOtherMode()
    {
        if (_otherModeIsGone)
            return;
        if (IptablesDriver.IsInstalled(family))
            new IptablesDriver(family).Cleanup();
        _otherModeIsGone = true;
    }

    private static string? Text(TablePlan plan) => plan.IsEmpty ? null : plan.Summary;
}
