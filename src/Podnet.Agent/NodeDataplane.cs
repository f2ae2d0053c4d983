using Podnet.Agent.Health;
using Podnet.Core.Model;
using Podnet.Dataplane.Nftables;

namespace Podnet.Agent;

/// <summary>All that the agent writes into its node's kernel, in the order in which it is written.</summary>
internal sealed class NodeDataplane : IDisposable
{
    /// <summary>Made on the loop's thread, when a part first needs it: its sockets belong to that thread's namespace.</summary>
    private readonly Lazy<Ruleset> _ruleset;
    private readonly TaskCompletionSource<Ruleset> _made = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public NodeDataplane(AgentOptions options)
        : this(options, new AgentStatus(options))
    {
    }

    public NodeDataplane(AgentOptions options, AgentStatus status)
    {
        _ruleset = new Lazy<Ruleset>(() =>
        {
            var ruleset = new Ruleset();
            _made.SetResult(ruleset);
            return ruleset;
        });
        var routes = new RoutesPart(options);
        KernelParts =
        [
            new SysctlsPart(options),
            routes,
            new EgressPart(options, _ruleset),
            Services(IPFamily.V4, options, status),
            Services(IPFamily.V6, options, status),
            new ConntrackPart(options, status),
        ];
        // The last one tells the container runtime that pods can be started.
        Parts =
        [
            .. KernelParts, new HealthCheckPart(options, status), new FastPathPart(options, () => routes.Wanted, status),
            .. options.Cni is { } files ? (IDataplanePart[])[new LeakedAddressesPart(files, status), new CniPart(options.NodeName, files, () => routes.Wanted?.PodMtu)] : [],
        ];
    }

    public IReadOnlyList<IDataplanePart> Parts { get; }

    /// <summary>Those that stay when the process ends: all but what listens, and what tells others that this node has an agent.</summary>
    public IReadOnlyList<IDataplanePart> KernelParts { get; }

    public Task<Ruleset> Ruleset => _made.Task;

    /// <summary>Closes sockets; what is in the kernel stays.</summary>
    public void Dispose()
    {
        foreach (var part in Parts.OfType<IDisposable>())
            part.Dispose();
        if (_ruleset.IsValueCreated)
            _ruleset.Value.Dispose();
    }

    private IDataplanePart Services(IPFamily family, AgentOptions options, AgentStatus status) => options.ProxyMode == ProxyMode.Nftables
        ? new NftablesServicesPart(family, options, _ruleset, status.Metrics)
        : new IptablesServicesPart(family, options, _ruleset, status.Metrics);
}
