using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Podnet.Local.Streaming;

namespace Podnet.Local.ApiServer;

/// <summary>
/// pods/NAME/portforward: for each connection the client opens two SPDY streams, "error" and "data", of the same requestid, over
/// SPDY itself or SPDY inside a WebSocket (k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go).
/// </summary>
internal static class PodForwardRequest
{
    private const string Protocol = "portforward.k8s.io";
    private const string Tunnel = "SPDY/3.1+" + Protocol;

    /// <summary>Error streams whose data streams are yet to come: clients open one right after the other. Arbitrary.</summary>
    private const int MostWaiting = 100;

    public static async Task AnswerAsync(HttpContext http, JsonObject pod, IPodAccess? access)
    {
        var name = pod.Text("metadata", "name");
        var target = PodTarget.Of(pod, "") ?? throw StatusException.BadRequest($"pod {name} does not have a host assigned");
        if (access is null)
            throw PodTarget.NoNode(target.Node);
        ProtocolUpgrade.Require(http.Request);
        if (ProtocolUpgrade.WantsWebSocket(http.Request))
        {
            using var socket = await ProtocolUpgrade.WebSocketAsync(http, ProtocolUpgrade.Choose(http.Request, Tunnel));
            await using var stream = new WebSocketBytes(socket);
            await ServeAsync(stream, access, target, http.RequestAborted);
        }
        else
        {
            await using var stream = await ProtocolUpgrade.SpdyAsync(http, ProtocolUpgrade.Choose(http.Request, Protocol));
            await ServeAsync(stream, access, target, http.RequestAborted);
        }
    }

    private static async Task ServeAsync(Stream transport, IPodAccess access, ContainerTarget target, CancellationToken gone)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(gone);
        using var connection = new SpdyConnection(transport);
        var running = connection.RunAsync(end.Token);
        var errors = new Dictionary<string, SpdyStream>(StringComparer.Ordinal);
        var pairs = new List<Task>();
        try
        {
            await foreach (var stream in connection.Opened.ReadAllAsync(gone))
            {
                // The error stream of a pair always comes first.
                var id = stream.Headers.GetValueOrDefault("requestid") ?? stream.Headers.GetValueOrDefault("port") ?? "";
                if (stream.Headers.GetValueOrDefault("streamtype") == "error")
                {
                    if (errors.Count == MostWaiting)
                        throw new SpdyException($"{MostWaiting} error streams wait for their data streams");
                    errors[id] = stream;
                }
                else if (errors.Remove(id, out var error))
                    pairs.Add(ForwardAsync(stream, error, access, target, end.Token));
                pairs.RemoveAll(pair => pair.IsCompletedSuccessfully);
            }

            await running;
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(pairs);
        }
    }

    /// <summary>One connection, to its end; what goes wrong is told on the error stream.</summary>
    private static async Task ForwardAsync(SpdyStream data, SpdyStream error, IPodAccess access, ContainerTarget target, CancellationToken ct)
    {
        try
        {
            error.StopReading();
            try
            {
                var port = int.Parse(data.Headers.GetValueOrDefault("port") ?? "", CultureInfo.InvariantCulture);
                await using var connection = await access.DialAsync(target, port, ct);
                await BothWaysAsync(data, connection, ct);
            }
            catch (Exception e) when (e is IOException or FormatException)
            {
                await error.WriteAsync(Encoding.UTF8.GetBytes($"error forwarding port {data.Headers.GetValueOrDefault("port")} to pod {target.Uid}, uid : {e.Message}"));
            }

            data.StopReading();
            await data.CloseAsync();
            await error.CloseAsync();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or WebSocketException or InvalidOperationException)
        {
            // The client has gone: there is nobody to tell.
        }
    }

    private static async Task BothWaysAsync(SpdyStream data, Stream connection, CancellationToken ct)
    {
        var sending = SendAsync();
        var block = new byte[32 * 1024];
        while (await connection.ReadAsync(block, ct) is var read && read > 0)
            await data.WriteAsync(block.AsMemory(0, read));
        // The pod has closed; what the client still sends has no reader.
        data.StopReading();
        await sending;

        async Task SendAsync()
        {
            try
            {
                await data.Input.CopyToAsync(connection, ct);
                if (connection is System.Net.Sockets.NetworkStream { Socket: var socket })
                    socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or System.Net.Sockets.SocketException)
            {
                // The pod or the client has gone; the other direction says so.
            }
        }
    }
}
