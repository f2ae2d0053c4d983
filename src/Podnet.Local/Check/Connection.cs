using System.Net;
using System.Net.Sockets;
using Podnet.Linux;

namespace Podnet.Local.Check;

internal enum ConnectOutcome
{
    Connected,
    Refused,
    TimedOut,
    Failed,
}

/// <summary>What became of connect(2) from a place's namespace; closing it resets the connection, so that no port stays busy.</summary>
/// <param name="Failure">Null where it succeeded.</param>
internal sealed record Connection(Socket? Socket, ConnectOutcome Outcome, string? Failure) : IDisposable
{
    internal IPEndPoint Self => (IPEndPoint)Socket!.LocalEndPoint!;

    internal static async Task<Connection> OpenAsync(
        NetworkNamespace @namespace, IPEndPoint to, TimeSpan timeout, CancellationToken cancellation)
    {
        var socket = @namespace.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            await socket.ConnectAsync(to, limit.Token);
            return new Connection(socket, ConnectOutcome.Connected, null);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            return new Connection(null, ConnectOutcome.TimedOut, $"timed out after {timeout.TotalSeconds:0.#} s: {to} does not answer");
        }
        catch (SocketException e)
        {
            socket.Dispose();
            return e.SocketErrorCode == SocketError.ConnectionRefused
                ? new Connection(null, ConnectOutcome.Refused, $"refused: {to} is closed or rejected")
                : new Connection(null, ConnectOutcome.Failed, $"{to}: {e.Message}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => Socket?.Dispose();
}
