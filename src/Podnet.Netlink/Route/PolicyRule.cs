using System.Net;

namespace Podnet.Netlink;

/// <summary>Which table packets from a network are routed by: <c>ip rule</c> (linux/fib_rules.h).</summary>
/// <param name="Source">0.0.0.0/0 or ::/0 is everybody.</param>
/// <param name="Table">A table without a route for the packet passes it to the next rule.</param>
/// <param name="Priority">The smallest is asked first; that of the main table is 32766.</param>
public sealed record PolicyRule(IPNetwork Source, uint Table, uint Priority)
{
    /// <summary>Who put it there (FRA_PROTOCOL, since Linux 4.17).</summary>
    public RouteProtocol Protocol { get; init; } = RouteProtocol.Podnet;
}
