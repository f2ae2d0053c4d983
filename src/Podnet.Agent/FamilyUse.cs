using System.Net;
using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>
/// A cluster without IPv6 needs no IPv6 rules, not even the fixed ones; but once there are some (perhaps from an earlier agent), they are
/// looked after.
/// </summary>
internal sealed class FamilyUse(IPFamily family, string nodeName)
{
    private bool? _inUse;

    /// <param name="areThere">Looks for rules of an earlier agent; asked once.</param>
    public bool In(ClusterState state, ClusterChanges changes, Func<bool> areThere)
    {
        if (_inUse != true)
        {
            _inUse = family == IPFamily.V4
                || Changed(state, changes).Any(service => service.ClusterIPs.Any(IsOurs))
                || state.Nodes.GetValueOrDefault(nodeName)?.InternalIPs.Any(IsOurs) == true
                || (_inUse is null && areThere());
        }
        return _inUse.Value;
    }

    private static IEnumerable<Service> Changed(ClusterState state, ClusterChanges changes) =>
        changes.IsEverything ? state.Services.Values : changes.Services.Select(name => state.Services.GetValueOrDefault(name)).OfType<Service>();

    private bool IsOurs(IPAddress address) => address.Family() == family;
}
