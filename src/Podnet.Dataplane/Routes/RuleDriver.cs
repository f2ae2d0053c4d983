using System.Net;
using System.Net.Sockets;
using Podnet.Core.Routes;
using Podnet.Netlink;

namespace Podnet.Dataplane.Routes;

/// <summary>
/// Keeps the rules that give packets from this node's pods a table of their own. Its own are those of protocol 80 for table 80.
/// </summary>
internal sealed class RuleDriver(RouteSocket socket)
{
    /// <param name="pods">The node's pod CIDRs; none takes the rules away.</param>
    internal ApplyReport Apply(IReadOnlyCollection<IPNetwork> pods) => Plan(pods).Execute(socket);

    internal IReadOnlyList<string> Preview(IReadOnlyCollection<IPNetwork> pods) => Plan(pods).Commands;

    private RouteChanges Plan(IReadOnlyCollection<IPNetwork> pods)
    {
        var orphans = socket.Rules()
            .Where(rule => rule is { Protocol: RouteProtocol.Podnet, Table: PodRoute.FromPodsTable })
            .ToList();
        var changes = new RouteChanges();
        foreach (var rule in pods.Select(cidr => new PolicyRule(cidr, PodRoute.FromPodsTable, PodRoute.FromPodsPriority)))
        {
            if (!orphans.Remove(rule))
                Add(changes, requests => requests.AddRule(rule), "add", rule);
        }

        foreach (var orphan in orphans)
            Add(changes, requests => requests.DeleteRule(orphan), "delete", orphan);
        return changes;
    }

    private static void Add(RouteChanges changes, Action<RouteRequests> request, string verb, PolicyRule rule) => changes.Add(
        request,
        $"{verb} rule from {rule.Source} lookup {rule.Table}",
        $"ip {(rule.Source.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? "-4" : "-6")} rule {verb} from {rule.Source} lookup {rule.Table} pref {rule.Priority} proto {PodRoute.Protocol}");
}
