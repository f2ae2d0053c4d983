using Podnet.Agent.Health;
using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>All that the agent writes into its node's kernel, in the order in which it is written.</summary>
internal sealed class NodeDataplane(AgentOptions options, AgentStatus status) : IDisposable
{
    public NodeDataplane(AgentOptions options)
        : this(options, new AgentStatus(options))
    {
    }

    public IReadOnlyList<IDataplanePart> Parts { get; } =
    [
        new SysctlsPart(options),
        new RoutesPart(options),
        new EgressPart(options),
        new ServicesPart(IPFamily.V4, options, status.Metrics),
        new ServicesPart(IPFamily.V6, options, status.Metrics),
        new ConntrackPart(options, status),
        new HealthCheckPart(options, status),
    ];

    /// <summary>Closes sockets; what is in the kernel stays.</summary>
    public void Dispose()
    {
        foreach (var part in Parts.OfType<IDisposable>())
            part.Dispose();
    }
}
