using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Services;

namespace Podnet.Core.Sync;

/// <summary>A connection that the kernel translates, by its two ends on the server's side.</summary>
/// <param name="Destination">Where the client sends to.</param>
/// <param name="Server">Where its packets go.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TranslatedConnection(Protocol Protocol, (IPAddress Address, ushort Port) Destination, (IPAddress Address, ushort Port) Server);

/// <summary>Connections of one Service's address with one endpoint, which new connections no longer get.</summary>
/// <param name="AddressGoes">The address is no Service's any more.</param>
/// <param name="Ends">They are ended. Others go on as they are until their ends end them: the kernel remembers how it translates them.</param>
public sealed record TouchedConnections(
    string Service, Protocol Protocol, (IPAddress Address, ushort Port) Destination, (IPAddress Address, ushort Port) Server, int Count, bool AddressGoes, bool Ends)
{
    /// <param name="before">What the rules do now; it may lack what stays.</param>
    /// <param name="wanted">What they will do.</param>
    /// <param name="nodeAddresses">Where node ports answer.</param>
    /// <param name="stale">Which connections of UDP will be ended.</param>
    public static ImmutableArray<TouchedConnections> Of(
        IReadOnlyCollection<ServicePath> before, IReadOnlyCollection<ServicePath> wanted, IReadOnlySet<IPAddress> nodeAddresses, StaleUdpFlows stale,
        IEnumerable<TranslatedConnection> connections)
    {
        var owners = new Dictionary<(IPFamily, FrontendAddress), string>();
        foreach (var path in before.Concat(wanted))
            owners.TryAdd((path.Family, path.At), path.Service);
        var stay = wanted.Select(path => (path.Family, path.At)).ToHashSet();
        var lost = before.Select(KeyOf).ToHashSet();
        lost.ExceptWith(wanted.Select(KeyOf));
        var groups = new Dictionary<TouchedConnections, int>();
        foreach (var connection in connections)
        {
            if (AddressOf(connection) is not { } at)
                continue;
            var ends = connection.Protocol == Protocol.Udp && stale.IsStale(connection.Destination, connection.Server);
            if (!ends && !lost.Contains((at.Family, at.At, connection.Server)))
                continue;
            var group = new TouchedConnections(
                owners[at], connection.Protocol, connection.Destination, connection.Server, Count: 0, AddressGoes: !stay.Contains(at), ends);
            groups[group] = groups.GetValueOrDefault(group) + 1;
        }
        return [.. groups.Select(group => group.Key with { Count = group.Value }).OrderBy(group => group.ToString(), StringComparer.Ordinal)];

        (IPFamily Family, FrontendAddress At)? AddressOf(TranslatedConnection connection)
        {
            var family = connection.Destination.Address.Family();
            var direct = (family, new FrontendAddress(connection.Destination.Address, connection.Protocol, connection.Destination.Port));
            if (owners.ContainsKey(direct))
                return direct;
            var nodePort = (family, new FrontendAddress(null, connection.Protocol, connection.Destination.Port));
            return owners.ContainsKey(nodePort) && nodeAddresses.Contains(connection.Destination.Address) ? nodePort : null;
        }
    }

    /// <summary>"3 TCP connections to default/nginx:web at 10.0.33.45:80, with 10.240.0.5:8080, which gets no new ones: go on until they end".</summary>
    public override string ToString()
    {
        var (connections, go, end) = Count == 1 ? ("connection", "goes on until it ends", "is ended, and its next packet chooses anew")
            : ("connections", "go on until they end", "are ended, and their next packets choose anew");
        var at = $"{AddressText.Of(Destination.Address, Destination.Port)}{(AddressGoes ? ", an address that goes," : "")}";
        var with = $"{AddressText.Of(Server.Address, Server.Port)}{(AddressGoes ? "" : ", which gets no new ones")}";
        return $"{Count} {Protocol.ToString().ToUpperInvariant()} {connections} to {Service} at {at} with {with}: {(Ends ? end : go)}";
    }

    private static (IPFamily, FrontendAddress, (IPAddress, ushort)?) KeyOf(ServicePath path) => (path.Family, path.At, path.Endpoint);
}
