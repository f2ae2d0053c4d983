using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Agent.Health;
using Podnet.Testing;

namespace Podnet.Agent.Tests.Health;

public sealed class HttpResponderTests : IDisposable
{
    private readonly HttpResponder _responder = HttpResponder.Open(
        new IPEndPoint(IPAddress.Loopback, 0),
        path => path switch
        {
            "/long" => new HttpAnswer(200, HttpAnswer.PlainText, Enumerable.Repeat(new string('x', 999) + "\n", 10_000)),
            "/ok" => new HttpAnswer(200, HttpAnswer.PlainText, "é"),
            "/bug" => throw new InvalidOperationException("a bug"),
            _ => HttpAnswer.NotFound,
        },
        NullLogger.Instance);

    public void Dispose() => _responder.Dispose();

    private string Url(string path) => $"http://{_responder.Address}{path}";

    private string Raw(string request)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_responder.Address);
        socket.Send(Encoding.ASCII.GetBytes(request));
        var all = new List<byte>();
        var buffer = new byte[4096];
        for (int got; (got = socket.Receive(buffer)) > 0;)
            all.AddRange(buffer.AsSpan(0, got));
        return Encoding.UTF8.GetString([.. all]);
    }

    [Fact]
    public void Curl_gets_what_is_there_and_its_headers()
    {
        var text = Tool.Run("curl", "-s", "-i", Url("/ok?verbose"));

        Assert.StartsWith("HTTP/1.1 200 OK\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 2\r\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\né", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_answer_arrives_as_a_whole() => Assert.Equal(10_000_000, Tool.Run("curl", "-s", Url("/long")).Length);

    [Fact]
    public void Head_has_no_body() => Assert.EndsWith("\r\n\r\n", Raw("HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);

    [Theory]
    [InlineData("GET /nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found")]
    [InlineData("POST /ok HTTP/1.1\r\n\r\nbody", "HTTP/1.1 405 Method Not Allowed")]
    [InlineData("GET /ok\r\n\r\n", "HTTP/1.1 400 Bad Request")]
    [InlineData("\u0016\u0003\u0001\r\n\r\n", "HTTP/1.1 400 Bad Request")]
    public void What_it_does_not_answer_it_says(string request, string status) => Assert.StartsWith(status, Raw(request), StringComparison.Ordinal);

    [Fact]
    public void A_head_without_end_is_refused_and_a_bug_of_one_page_leaves_the_others()
    {
        Assert.StartsWith("HTTP/1.1 431", Raw("GET /" + new string('a', 9000)), StringComparison.Ordinal);
        Assert.Equal("", Raw("GET /bug HTTP/1.1\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 200", Raw("GET /ok HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unspecified_address_is_both_families_and_a_port_is_free_again_at_once()
    {
        using var kernel = new Kernel();
        for (var again = 0; again < 3; again++)
        {
            using var responder = kernel.In(() => HttpResponder.Open(
                new IPEndPoint(IPAddress.Any, 10256), _ => new HttpAnswer(200, HttpAnswer.PlainText, "here"), NullLogger.Instance));
            Assert.Equal("here", kernel.Run("curl", "-s", "http://127.0.0.1:10256/"));
            Assert.Equal("here", kernel.Run("curl", "-s", "http://[::1]:10256/"));
        }
    }
}
