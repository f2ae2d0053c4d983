using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>All that the agent writes into its node's kernel, in the order in which it is written.</summary>
internal sealed class NodeDataplane(AgentOptions options) : IDisposable
{
    public IReadOnlyList<IDataplanePart> Parts { get; } =
    [
        new SysctlsPart(options),
        new RoutesPart(options),
        new EgressPart(options),
        new ServicesPart(IPFamily.V4, options),
        new ServicesPart(IPFamily.V6, options),
    ];

    /// <summary>Closes sockets; what is in the kernel stays.</summary>
    public void Dispose()
    {
        foreach (var part in Parts.OfType<IDisposable>())
            part.Dispose();
    }
}
