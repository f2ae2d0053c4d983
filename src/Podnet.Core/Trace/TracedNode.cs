using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Trace;

/// <summary>What a node's kernel knows besides its rules.</summary>
public sealed record TracedNode
{
    /// <summary>All addresses on its interfaces. Those of the loopback networks are the node's without being named here.</summary>
    public ImmutableHashSet<IPAddress> Addresses { get; init; } = [];

    /// <summary>By which interface it sends to where; the longest prefix decides. What none has is unreachable.</summary>
    public ImmutableArray<TracedRoute> Routes { get; init; } = [];

    /// <summary>The address is the node's own: "LOCAL" for iptables' addrtype, "local" for nft's fib.</summary>
    public bool IsLocal(IPAddress address) => IPAddress.IsLoopback(address) || Addresses.Contains(address);

    /// <summary>The interface that a packet leaves by: lo for the node's own addresses; null without a route.</summary>
    public string? InterfaceTo(IPAddress address)
    {
        if (IsLocal(address))
            return "lo";
        return Routes
            .Where(r => r.Destination.Family() == address.Family() && r.Destination.Contains(address))
            .OrderByDescending(r => r.Destination.PrefixLength)
            .FirstOrDefault()?.Interface;
    }
}

public sealed record TracedRoute(IPNetwork Destination, string Interface);
