using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Agent.Health;
using Podnet.Agent.Metrics;
using Podnet.Core.Model;
using Podnet.Dataplane;

namespace Podnet.Agent;

/// <summary>A part that keeps Service rules: what it does is what health and kube-proxy's metrics are about.</summary>
internal interface IServicesPart : IPreviewedPart
{
    IReadOnlyList<IPFamily> Families { get; }
}

/// <summary>What the loop says about itself. On the loop's thread, but for <see cref="Queued"/>.</summary>
internal interface ILoopObserver
{
    /// <summary>There is a new state to write. From any thread.</summary>
    void Queued();

    /// <summary>It is what is written from now on.</summary>
    void Taken(ClusterState state);

    void Applied(IDataplanePart part, TimeSpan took, bool readBack);

    void Failed(IDataplanePart part);

    /// <summary>Somebody else had changed what the part keeps.</summary>
    /// <param name="repaired">False: not yet.</param>
    void Drifted(IDataplanePart part, bool repaired);

    /// <summary>About once a second.</summary>
    void Checked(IEnumerable<IDataplanePart> parts);
}

/// <summary>What the agent knows of how it is: what its loop reports, as health and as metrics.</summary>
internal sealed class AgentStatus(AgentOptions options, ILogger? logger = null, TimeProvider? time = null) : ILoopObserver
{
    public ProxyHealth Health { get; } = new(2 * options.SyncPeriod, time ?? TimeProvider.System);

    public AgentMetrics Metrics { get; } = new(options.ProxyMode, time ?? TimeProvider.System);

    public ILogger Logger { get; } = logger ?? NullLogger.Instance;

    private readonly HashSet<IDataplanePart> _failing = [];

    /// <summary>Service rules are not as they should be. On the loop's thread.</summary>
    public bool ServicesFail => _failing.Count > 0;

    public void Queued()
    {
        Health.Queued();
        Metrics.Queued();
    }

    public void Taken(ClusterState state)
    {
        Metrics.Taken();
        Health.NodeIs(eligible: state.Nodes.GetValueOrDefault(options.NodeName) is { Leaving: false });
    }

    public void Applied(IDataplanePart part, TimeSpan took, bool readBack)
    {
        if (part is not IServicesPart services)
            return;
        _failing.Remove(part);
        foreach (var family in services.Families)
        {
            Health.Updated(family);
            Metrics.Synced(family, took, full: readBack);
        }
    }

    public void Failed(IDataplanePart part)
    {
        if (part is not IServicesPart services)
            return;
        _failing.Add(part);
        foreach (var family in services.Families)
            Metrics.SyncFailed(family);
    }

    public void Drifted(IDataplanePart part, bool repaired) => Metrics.Drift(part.Name, repaired);

    public void Checked(IEnumerable<IDataplanePart> parts)
    {
        try
        {
            Metrics.Connections.Refresh(parts.OfType<IConnectionCounts>());
        }
        catch (IOException e)
        {
            Logger.CountsFailed(e.Message);
        }
    }
}
