using System.Net;
using Podnet.Core.Model;
using Podnet.Netlink;

namespace Podnet.Agent;

/// <summary>
/// Finds addresses of the pod network that are reserved and that nobody has: no route of this node leads to them. An ADD that was killed leaves them,
/// and a container that its runtime forgot. It says so and takes none back: the runtime alone knows which containers there are (GC).
/// </summary>
internal sealed class LeakedAddressesPart(CniFiles files, AgentStatus status) : IDataplanePart, IDisposable
{
    /// <summary>An ADD has reserved its addresses for as long as it takes before there are routes: milliseconds. Arbitrary.</summary>
    private static readonly TimeSpan LongestAdd = TimeSpan.FromMinutes(1);

    private RouteSocket? _socket; // Made on the loop's thread: it belongs to that thread's namespace.
    private List<string> _suspects = [];
    private string _said = "";

    public string Name => "Leaked addresses";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!readBack)
            return null;
        // Twice in a row: a DEL has taken the routes away a moment before the reservation.
        var found = Find();
        var leaked = found.Intersect(_suspects).ToList();
        _suspects = found;
        status.Metrics.LeakedAddresses(leaked.Count);
        var text = string.Join(", ", leaked);
        if (text != _said && leaked.Count > 0)
            status.Logger.AddressesLeaked(leaked.Count, text);
        _said = text;
        return null;
    }

    public string? Repair() => null;

    public void Dispose() => _socket?.Dispose();

    private List<string> Find()
    {
        var old = Reserved().Where(file => DateTime.UtcNow - file.LastWriteTimeUtc > LongestAdd).Select(file => file.Name).ToList();
        if (old.Count == 0)
            return [];
        _socket ??= new RouteSocket();
        // Of a pod that another plugin connected there may be no route but that of its network.
        var connected = _socket.Routes().Where(route => route.Gateway is null && route.Type == RouteType.Unicast && route.Destination.PrefixLength > 0).ToList();
        return [.. old.Where(name => !connected.Exists(route => route.Destination.Contains(IPAddress.Parse(name)))).Order(StringComparer.Ordinal)];
    }

    /// <summary>As host-local keeps them: a file per address, named by it.</summary>
    private IEnumerable<FileInfo> Reserved() => Directory.Exists(files.Reservations)
        ? new DirectoryInfo(files.Reservations).EnumerateFiles().Where(file => IPAddress.TryParse(file.Name, out _))
        : [];
}
