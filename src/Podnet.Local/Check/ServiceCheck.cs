using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Podnet.Core.Services;
using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Local.Check;

/// <summary>
/// One connection to a ServicePort, answered by a real container. What that saw is read, while the connection is open, from the
/// connection tracking of the nodes on its way, and confirmed by the container's own table of sockets.
/// </summary>
internal sealed class ServiceCheck(CheckTargets targets, TimeSpan timeout)
{
    private const byte Tcp = 6;

    /// <summary>Between two looks at the server's sockets: arbitrary.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(5);

    internal async Task<CheckRow> RunAsync(ServiceProbe probe, CancellationToken cancellation)
    {
        try
        {
            return probe.Itself ? await ItselfAsync(probe, cancellation) : (await OnceAsync(probe, cancellation)).Row;
        }
        catch (Exception e) when (e is SocketException or KernelException)
        {
            return RowOf(probe) with { Reason = e.Message };
        }
    }

    /// <summary>Repeats until chance has sent the pod to itself.</summary>
    private async Task<CheckRow> ItselfAsync(ServiceProbe probe, CancellationToken cancellation)
    {
        // Not to be chosen among n in 30 n tries has a probability of e^-30.
        var tries = 30 * probe.Endpoints.Length;
        for (var i = 0; i < tries; i++)
        {
            var (row, endpoint) = await OnceAsync(probe, cancellation);
            if (endpoint is null || endpoint.Equals(probe.From.Address))
                return row with { To = probe.From.ToString() };
        }

        return RowOf(probe) with { Reason = $"in {tries} connections it was never sent to itself, one of {probe.Endpoints.Length} endpoints" };
    }

    /// <returns>The endpoint that took it; null where nobody did.</returns>
    private async Task<(CheckRow Row, IPAddress? Endpoint)> OnceAsync(ServiceProbe probe, CancellationToken cancellation)
    {
        var row = RowOf(probe);
        using var connection = await Connection.OpenAsync(targets.NamespaceOf(probe.From), probe.Address, timeout, cancellation);
        if (connection.Outcome != ConnectOutcome.Connected)
        {
            var right = (probe.Verdict, connection.Outcome) is
                (ServiceVerdict.Reject, ConnectOutcome.Refused) or (ServiceVerdict.Drop, ConnectOutcome.TimedOut);
            return (row with { Ok = right, Reason = right ? null : connection.Failure }, null);
        }

        if (Translation(probe.TranslatedBy, connection.Self, probe.Address) is not { } translated)
            return (row with { Reason = $"{probe.TranslatedBy} does not track this connection: somebody else answered at {probe.Address}" }, null);
        return (await JudgeAsync(probe, row, connection.Self.Address, translated, cancellation), translated.Endpoint.Address);
    }

    private async Task<CheckRow> JudgeAsync(
        ServiceProbe probe, CheckRow row, IPAddress self, (IPEndPoint Endpoint, IPEndPoint Source) translated, CancellationToken cancellation)
    {
        var (endpoint, source) = translated;
        var server = targets.At(endpoint.Address);
        row = row with { To = server?.ToString() ?? endpoint.ToString() };
        if (!probe.Endpoints.Any(e => e.Address.Equals(endpoint.Address) && e.Port == endpoint.Port))
        {
            var why = probe.Verdict == ServiceVerdict.Forward ? "which is none of its endpoints for this client" : "although it should have none";
            return row with { Reason = $"wrong endpoint: it was sent to {endpoint}, {why}" };
        }

        if (server is not null)
        {
            if (targets.NodeOf(server) is { } itsNode && itsNode != probe.TranslatedBy)
                source = Translation(itsNode, source, endpoint)?.Source ?? source;
            if (!await HasAsync(server, endpoint, source, cancellation))
                return row with { Reason = $"connection tracking says that {server} talks with {source}, but it has no such connection" };
        }

        var expected = Expectation.ThroughService(probe, endpoint.Address, server);
        var reason = Expectation.WrongSource(probe.From, self, source.Address, expected);
        return row with
        {
            Source = source.Address.ToString(),
            SourceOf = targets.OwnerOf(source.Address, probe.From),
            Expected = expected.ToString(),
            Ok = reason is null,
            Reason = reason,
        };
    }

    /// <summary>Where a node sends a connection, and from which address: the reply's source and destination.</summary>
    private (IPEndPoint Endpoint, IPEndPoint Source)? Translation(Place node, IPEndPoint from, IPEndPoint to)
    {
        var original = new FlowTuple(Tcp, from.Address, to.Address, (ushort)from.Port, (ushort)to.Port);
        var entry = targets.NamespaceOf(node).Run(() =>
        {
            using var conntrack = new ConntrackSocket();
            return conntrack.Find(original);
        });
        return entry is null
            ? null
            : (new IPEndPoint(entry.Reply.Source, entry.Reply.SourcePort), new IPEndPoint(entry.Reply.Destination, entry.Reply.DestinationPort));
    }

    /// <summary>The last packet of the handshake may still be on its way to the server.</summary>
    private async Task<bool> HasAsync(Place server, IPEndPoint local, IPEndPoint peer, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        while (!SocketTable.Has(targets.NamespaceOf(server), local, peer))
        {
            if (watch.Elapsed > timeout)
                return false;
            await Task.Delay(LookAgain, cancellation);
        }

        return true;
    }

    private static CheckRow RowOf(ServiceProbe probe) =>
        new(probe.Kind, probe.From.ToString(), $"service/{probe.Service}", probe.Via, null, null, Expectation.Text(probe), false, null);
}
