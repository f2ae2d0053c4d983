using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Podnet.Local.Kubelet;

/// <summary>
/// grpc.health.v1.Health/Check (grpc/doc/health-checking.md) over HTTP/2 without TLS (grpc/doc/PROTOCOL-HTTP2.md); what is said of a failure
/// is k8s.io/kubernetes/pkg/probe/grpc's.
/// </summary>
/// <remarks>
/// A message is a byte 0 (not compressed), its length as 32 bits big-endian, and its bytes. HealthCheckRequest { string service = 1 },
/// HealthCheckResponse { enum status = 1 }.
/// </remarks>
internal static class GrpcProbe
{
    private const int Prefix = 5; // bytes
    private const int ServiceTag = 0x0A, StatusTag = 0x08; // field 1 as bytes, and as a number
    private const int LongestAnswer = 4096; // bytes, arbitrary; a right one has seven
    private const int Serving = 1, Unimplemented = 12;

    private static readonly string[] Statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

    private static ProbeOutcome NoMessage => new(false, "error: health rpc probe failed: the answer is no message");

    /// <param name="service">Empty for the server as a whole.</param>
    public static async Task<ProbeOutcome> CheckAsync(
        HttpMessageInvoker http, string host, int port, string service, TimeSpan timeout, CancellationToken ct)
    {
        var address = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(timeout);
        try
        {
            using var request = Request(address, service);
            using var response = await http.SendAsync(request, patience.Token);
            await using var body = await response.Content.ReadAsStreamAsync(patience.Token);
            var answer = new byte[LongestAnswer + 1];
            var length = await body.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, patience.Token);
            return Outcome(response, answer.AsSpan(0, length));
        }
        catch (OperationCanceledException)
        {
            return new ProbeOutcome(false, $"timeout: health rpc did not complete within {timeout.TotalSeconds:0}s");
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException refused)
        {
            return new ProbeOutcome(false, $"error: failed to connect service \"{address}\" within {timeout.TotalSeconds:0}s: {refused.Message}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new ProbeOutcome(false, $"error: health rpc probe failed: {(e.InnerException ?? e).Message}");
        }
    }

    private static HttpRequestMessage Request(string address, string service)
    {
        var name = Encoding.UTF8.GetBytes(service);
        var message = new MemoryStream();
        if (name.Length > 0)
        {
            message.WriteByte(ServiceTag);
            for (var rest = (uint)name.Length; ; rest >>= 7)
            {
                message.WriteByte((byte)(rest < 0x80 ? rest : rest | 0x80));
                if (rest < 0x80)
                    break;
            }

            message.Write(name);
        }

        var frame = new byte[Prefix + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), (int)message.Length);
        message.ToArray().CopyTo(frame, Prefix);
        var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}/grpc.health.v1.Health/Check")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TE.ParseAdd("trailers");
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.32");
        return request;
    }

    private static ProbeOutcome Outcome(HttpResponseMessage response, ReadOnlySpan<byte> answer)
    {
        if (answer.Length > LongestAnswer)
            return NoMessage;
        // An answer without a message has its trailers among the headers.
        var trailers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        if (!trailers.TryGetValues("grpc-status", out var codes) || !int.TryParse(codes.First(), CultureInfo.InvariantCulture, out var code))
            return new ProbeOutcome(false, $"error: health rpc probe failed: HTTP {(int)response.StatusCode} and no grpc-status: this is no gRPC server");
        var words = trailers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "";
        if (code == Unimplemented)
            return new ProbeOutcome(false, $"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {words}");
        if (code != 0)
            return new ProbeOutcome(false, $"error: health rpc probe failed: rpc error: code = {code} desc = {words}");
        if (answer.Length < Prefix || answer[0] != 0 || BinaryPrimitives.ReadInt32BigEndian(answer[1..]) != answer.Length - Prefix)
            return NoMessage;
        // A field that is 0 is left out.
        var status = answer[Prefix..] is [StatusTag, var number, ..] ? number : 0;
        return status == Serving
            ? new ProbeOutcome(true, "")
            : new ProbeOutcome(false, $"service unhealthy (responded with \"{(status < Statuses.Length ? Statuses[status] : $"{status}")}\")");
    }
}
