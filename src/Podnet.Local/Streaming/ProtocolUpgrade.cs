using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Streaming;

/// <summary>A request that becomes a connection of another protocol (HTTP/1.1 "101 Switching Protocols").</summary>
internal static class ProtocolUpgrade
{
    /// <summary>Of Kubernetes' choosing: the client lists what it can, the server takes the first that it can.</summary>
    private const string StreamProtocol = "X-Stream-Protocol-Version";

    public static bool WantsWebSocket(HttpRequest request) => request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase);

    /// <summary>The first of the client's WebSocket subprotocols, or of its stream protocols, that is known here.</summary>
    public static string Choose(HttpRequest request, params string[] known)
    {
        var offered = (WantsWebSocket(request) ? request.Headers.SecWebSocketProtocol : request.Headers[StreamProtocol])
            .SelectMany(line => line!.Split(',', StringSplitOptions.TrimEntries)).ToArray();
        return offered.FirstOrDefault(known.Contains) ?? throw new StatusException(
            403, "Forbidden", $"unable to upgrade: unable to negotiate protocol: client supports {Go(offered)}, server accepts {Go(known)}");
    }

    /// <summary>RFC 6455, section 4.2.2.</summary>
    public static async Task<WebSocket> WebSocketAsync(HttpContext http, string protocol)
    {
        const string guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3
        var key = http.Request.Headers.SecWebSocketKey.ToString();
        if (key.Length == 0 || http.Request.Headers.SecWebSocketVersion != "13")
            throw StatusException.BadRequest("a WebSocket of version 13 must be asked for, with a Sec-WebSocket-Key");
        http.Response.Headers.Upgrade = "websocket";
        http.Response.Headers.SecWebSocketProtocol = protocol;
        http.Response.Headers.SecWebSocketAccept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + guid)));
        return WebSocket.CreateFromStream(await StreamAsync(http), new WebSocketCreationOptions { IsServer = true });
    }

    public static Task<Stream> SpdyAsync(HttpContext http, string protocol)
    {
        http.Response.Headers.Upgrade = "SPDY/3.1";
        http.Response.Headers[StreamProtocol] = protocol;
        return StreamAsync(http);
    }

    public static bool WantsSpdy(HttpRequest request) => request.Headers.Upgrade.ToString().Equals("SPDY/3.1", StringComparison.OrdinalIgnoreCase);

    /// <summary>Throws unless the client asks for a protocol that is known here.</summary>
    public static void Require(HttpRequest request)
    {
        if (!WantsWebSocket(request) && !WantsSpdy(request))
            throw StatusException.BadRequest("Upgrade request required");
    }

    private static string Go(IEnumerable<string> names) => $"[{string.Join(' ', names)}]";

    private static Task<Stream> StreamAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade)
            throw StatusException.BadRequest("Upgrade request required, over HTTP/1.1");
        http.Response.Headers.Connection = "Upgrade";
        return upgrade.UpgradeAsync();
    }
}
