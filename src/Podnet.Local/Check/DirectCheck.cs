using System.Buffers.Binary;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.Local.Check;

/// <summary>One connection from place to place; the server's end tells what it saw.</summary>
internal sealed class DirectCheck(CheckTargets targets, Func<Place, Listening> listenerOf, TimeSpan timeout)
{
    private ulong _lastToken;

    internal async Task<CheckRow> RunAsync(DirectProbe probe, CancellationToken cancellation)
    {
        var row = new CheckRow(probe.Kind, probe.From.ToString(), probe.To.ToString(), null, null, null, probe.Expected.ToString(), false, null);
        try
        {
            var (listener, failure) = listenerOf(probe.To);
            if (listener is null)
                return row with { Reason = failure };
            using var connection = await Connection.OpenAsync(targets.NamespaceOf(probe.From), listener.Address, timeout, cancellation);
            return connection.Socket is { } socket
                ? await IdentifyAsync(probe, row, socket, connection, listener, cancellation)
                : row with { Reason = connection.Failure };
        }
        catch (Exception e) when (e is SocketException or KernelException)
        {
            return row with { Reason = e.Message };
        }
    }

    private async Task<CheckRow> IdentifyAsync(
        DirectProbe probe, CheckRow row, Socket socket, Connection connection, ProbeListener listener, CancellationToken cancellation)
    {
        var token = Interlocked.Increment(ref _lastToken);
        var arrival = listener.Expect(token);
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, token);
        await socket.SendAsync(bytes, SocketFlags.None, cancellation);
        try
        {
            var seen = await arrival.WaitAsync(timeout, cancellation);
            var reason = Expectation.WrongSource(probe.From, connection.Self.Address, seen, probe.Expected);
            return row with { Source = seen.ToString(), SourceOf = targets.OwnerOf(seen, probe.From), Ok = reason is null, Reason = reason };
        }
        catch (TimeoutException)
        {
            return row with { Reason = $"timed out after {timeout.TotalSeconds:0.#} s: somebody accepted the connection, but not {probe.To}" };
        }
    }
}
