using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Dns;

/// <summary>What a Service is to DNS. Also of those that no node's proxy has to do with: headless ones, and ExternalName.</summary>
public sealed record NamedService(ObjectName Name)
{
    /// <summary>Empty where it is headless or an external name.</summary>
    public ImmutableArray<IPAddress> ClusterIPs { get; init; } = [];

    /// <summary>Null where it is none.</summary>
    public DnsName? ExternalName { get; init; }

    /// <summary>Those that have a name.</summary>
    public ImmutableArray<NamedPort> Ports { get; init; } = [];

    public bool IsHeadless => ClusterIPs.IsEmpty && ExternalName is null;
}

public readonly record struct NamedPort(string Name, Protocol Protocol, ushort Port);

/// <summary>What an EndpointSlice is to DNS: its ready endpoints.</summary>
public sealed record NamedEndpoints(ObjectName Name, ObjectName ServiceName)
{
    public ImmutableArray<NamedEndpoint> Endpoints { get; init; } = [];

    /// <summary>Those that have a name.</summary>
    public ImmutableArray<NamedPort> Ports { get; init; } = [];
}

/// <param name="Hostname">Null where it has none.</param>
public readonly record struct NamedEndpoint(IPAddress Address, string? Hostname);
