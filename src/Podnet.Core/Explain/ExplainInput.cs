using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;

namespace Podnet.Core.Explain;

/// <summary>The Service that is asked about. Without cluster IPs it is headless.</summary>
public sealed record ExplainedService(ObjectName Name, ImmutableArray<IPAddress> ClusterIPs, ImmutableArray<ServicePort> Ports)
{
    public ImmutableArray<IPAddress> ExternalIPs { get; init; } = [];

    public ImmutableArray<IPAddress> LoadBalancerIPs { get; init; } = [];
}

/// <summary>An address on one of the node's interfaces.</summary>
public sealed record InterfaceAddress(string Interface, IPAddress Address);

/// <summary>The kernel's answer to "how would a packet to this address leave" (ip route get).</summary>
/// <param name="Destination">Of the route that was found; null if the kernel did not say.</param>
/// <param name="Gateway">Null where the destination is on the device's own link.</param>
public sealed record RouteLookup(string Device, IPAddress? Gateway = null, IPAddress? Source = null, IPNetwork? Destination = null);

/// <summary>What the explanation is made of, all of it read from one live node and the API server.</summary>
public sealed record ExplainInput(string NodeName, ExplainedService Service)
{
    public ImmutableArray<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>Of each IP family, with counters (iptables-save -c); empty where the node is in nftables mode.</summary>
    public ImmutableArray<IptablesRuleset> Rulesets { get; init; } = [];

    /// <summary>Of each IP family; empty where the node is not in nftables mode.</summary>
    public ImmutableArray<LiveTable> Tables { get; init; } = [];

    /// <summary>The node is in nftables mode, and the kernel has a chain of Services of iptables mode, too.</summary>
    public bool HasBothModes { get; init; }

    /// <summary>By endpoint address, see <see cref="ServiceExplainer.EndpointAddresses"/>; those without a route are missing.</summary>
    public IReadOnlyDictionary<IPAddress, RouteLookup> Routes { get; init; } = ImmutableDictionary<IPAddress, RouteLookup>.Empty;

    public ImmutableArray<Node> Nodes { get; init; } = [];
}
