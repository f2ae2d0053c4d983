using System.Collections.Immutable;
using System.Net;

namespace Podnet.Core.Model;

/// <param name="ServiceName">The Service it belongs to, by the label kubernetes.io/service-name.</param>
public sealed record EndpointSlice(ObjectName Name, ObjectName ServiceName)
{
    public ImmutableArray<Endpoint> Endpoints { get; init; } = [];

    public ImmutableArray<EndpointPort> Ports { get; init; } = [];
}

/// <summary>One address: Kubernetes says that all further addresses of an endpoint are the same one's and may be ignored.</summary>
public readonly record struct Endpoint(IPAddress Address)
{
    public bool Ready { get; init; } = true;

    public bool Serving { get; init; } = true;

    public bool Terminating { get; init; }

    /// <summary>Null where unknown.</summary>
    public string? NodeName { get; init; }

    /// <summary>hints.forZones; empty means no hint.</summary>
    public ImmutableArray<string> ZoneHints { get; init; } = [];

    /// <summary>hints.forNodes; empty means no hint.</summary>
    public ImmutableArray<string> NodeHints { get; init; } = [];
}

/// <param name="Name">Matched with the ServicePort's name.</param>
public readonly record struct EndpointPort(string Name, Protocol Protocol, ushort Port);
