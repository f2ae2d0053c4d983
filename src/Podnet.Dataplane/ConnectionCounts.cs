using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Dataplane;

/// <summary>Who knows how many connections each Service and endpoint took: the counters of a backend's rules or elements.</summary>
public interface IConnectionCounts
{
    /// <summary>
    /// Since the counters were made, by whatever agent. Called on the thread that writes to the kernel, and not for each change: it
    /// may cost as much as there are Services.
    /// </summary>
    ConnectionCounts ReadConnections();
}

/// <param name="Services">Those without a connection may be missing.</param>
/// <param name="Endpoints">Likewise.</param>
public sealed record ConnectionCounts(
    IPFamily Family, IReadOnlyList<(ServicePortName Port, ulong Connections)> Services, IReadOnlyList<EndpointConnections> Endpoints);

/// <param name="Endpoint">"10.240.0.28:80".</param>
public readonly record struct EndpointConnections(ServicePortName Port, string Endpoint, ulong Connections);
