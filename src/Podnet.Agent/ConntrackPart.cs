using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Core.Services;
using Podnet.Core.Sync;
using Podnet.Dataplane.Flows;

namespace Podnet.Agent;

/// <summary>Ends UDP connections to endpoints that are gone. After the Service rules, which would else make them anew.</summary>
internal sealed class ConntrackPart(AgentOptions options, AgentStatus status) : IDataplanePart, IDisposable
{
    private ImmutableArray<UdpServicePort> _adopted = [];
    private UdpFlowDriver? _driver; // Made on the loop's thread: its socket belongs to that thread's namespace.

    /// <summary>As at the last pass; those without a UDP port are not in it.</summary>
    private ImmutableDictionary<ObjectName, ImmutableArray<UdpServicePort>> _known =
        ImmutableDictionary<ObjectName, ImmutableArray<UdpServicePort>>.Empty;

    public string Name => "UDP connections";

    /// <summary>
    /// A packet on its way while the rules changed can still begin a connection by the old ones, so each full pass looks again.
    /// </summary>
    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        var (known, gone) = (_known, _adopted.ToList());
        foreach (var name in changes.IsEverything ? state.Services.Keys.Union(known.Keys) : changes.Services)
        {
            var before = known.GetValueOrDefault(name, []);
            var now = state.Services.GetValueOrDefault(name) is { } service ? UdpServicePort.Of(service, state.SlicesOf(name)) : [];
            if (now.AsSpan().SequenceEqual(before.AsSpan()))
                continue;
            gone.AddRange(before);
            known = now.IsEmpty ? known.Remove(name) : known.SetItem(name, now);
        }

        if ((ReferenceEquals(known, _known) && !readBack) || (known.IsEmpty && gone.Count == 0))
            return null;
        if (status.ServicesFail)
            throw new IOException("the Service rules are not written yet");
        var ended = End(new StaleUdpFlows(known.Values.SelectMany(ports => ports), gone, NodePortAddresses(state)));
        (_known, _adopted) = (known, []);
        // Without a change nobody has done anything wrong: a packet was faster.
        return ended == 0 || changes.IsNone ? null : $"{ended} to endpoints that are gone ended";
    }

    public string? Repair() => null;

    /// <summary>Before the first <see cref="Apply"/>: Services that were there before this part was, as the kernel's rules tell.</summary>
    public void Adopt(IEnumerable<ServicePath> before) => _adopted = ServicePath.UdpPortsOf(before);

    /// <summary>What becomes of connections where Services were so before and shall be so, see <see cref="ServicePath"/>.</summary>
    public ImmutableArray<TouchedConnections> Preview(ClusterState state, IReadOnlyCollection<ServicePath> before, IReadOnlyCollection<ServicePath> wanted)
    {
        var nodePorts = NodePortAddresses(state);
        var now = state.Services.Values.SelectMany(service => UdpServicePort.Of(service, state.SlicesOf(service.Name)));
        var stale = new StaleUdpFlows(now, ServicePath.UdpPortsOf(before), nodePorts);
        return TouchedConnections.Of(before, wanted, nodePorts, stale, (_driver ??= new UdpFlowDriver()).Read());
    }

    public void Dispose() => _driver?.Dispose();

    private int End(StaleUdpFlows flows)
    {
        var began = Stopwatch.GetTimestamp();
        var ended = (_driver ??= new UdpFlowDriver()).End(flows);
        foreach (var (family, count) in ended)
            status.Metrics.ConntrackCleaned(family, Stopwatch.GetElapsedTime(began), count);
        return ended.Values.Sum();
    }

    private HashSet<IPAddress> NodePortAddresses(ClusterState state)
    {
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        var picked = ServiceProxySettings.NodePortAddresses(options, node);
        return
        [
            .. ServiceProxySettings.InterfaceAddresses().Where(address =>
                !picked.Any(network => network.Family() == address.Family()) || picked.Any(network => network.Contains(address))),
        ];
    }
}
