using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>
/// Unary calls of gRPC over a Unix socket (grpc/doc/PROTOCOL-HTTP2.md): HTTP/2 without TLS, POST /SERVICE/METHOD; a message is a byte 0
/// (not compressed), its length as 32 bits big-endian, and its bytes; trailers `grpc-status` (0 is well) and `grpc-message`.
/// </summary>
internal sealed class GrpcClient : IDisposable
{
    private readonly HttpClient _http;

    public GrpcClient(string socket) => _http = new HttpClient(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
            return new NetworkStream(connection, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://localhost"),
        Timeout = TimeSpan.FromSeconds(60), // arbitrary: a runtime's slowest answer, on a busy machine
    };

    /// <exception cref="GrpcException">The server refused, with its own words.</exception>
    public async Task<byte[]> CallAsync(string method, ProtobufMessage message)
    {
        var body = message.ToArray();
        var frame = new byte[5 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), body.Length);
        body.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.ParseAdd("trailers");
        using var response = await _http.SendAsync(request);
        var answer = await response.Content.ReadAsByteArrayAsync();
        // An answer without a message has its trailers among the headers.
        var trailers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        if (trailers.GetValues("grpc-status").Single() != "0")
            throw new GrpcException($"{method}: {Uri.UnescapeDataString(trailers.GetValues("grpc-message").Single())}");
        return answer[5..];
    }

    public void Dispose() => _http.Dispose();
}

internal sealed class GrpcException(string message) : Exception(message);
