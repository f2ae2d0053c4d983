using System.Net;
using System.Net.Sockets;
using System.Text;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>Probes by gRPC's health protocol, of a small server in the node's namespace.</summary>
public sealed class GrpcProbeTests : IAsyncLifetime
{
    private readonly TestNode _node = new();
    private WebApplication _server = null!;
    private int _port;

    public async ValueTask InitializeAsync()
    {
        _node.LoopbackUp();
        var socket = InNode();
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(socket.LocalEndPoint!, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = _ => socket);
        _server = builder.Build();
        _server.Run(AnswerAsync);
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Theory]
    [InlineData("", true, "")]
    [InlineData("shop", true, "")]
    [InlineData("broken", false, "service unhealthy (responded with \"NOT_SERVING\")")]
    [InlineData("silent", false, "service unhealthy (responded with \"UNKNOWN\")")]
    [InlineData("nobody", false, "error: health rpc probe failed: rpc error: code = 5 desc = unknown service")]
    [InlineData("other", false, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown method Check")]
    [InlineData("web", false, "error: health rpc probe failed: HTTP 404 and no grpc-status: this is no gRPC server")]
    [InlineData("endless", false, "error: health rpc probe failed: the answer is no message")]
    [InlineData("slow", false, "timeout: health rpc did not complete within 1s")]
    public async Task A_service_that_serves_is_well_and_any_other_says_why_not(string service, bool succeeds, string why) =>
        Assert.Equal(new ProbeOutcome(succeeds, why), await ProbeAsync(_port, service));

    [Fact]
    public async Task A_server_that_is_not_there_is_not_well()
    {
        await _server.StopAsync();
        Assert.Equal(new ProbeOutcome(false, $"error: failed to connect service \"127.0.0.1:{_port}\" within 1s: Connection refused"), await ProbeAsync(_port, ""));
    }

    private Task<ProbeOutcome> ProbeAsync(int port, string service)
    {
        var probe = new V1Probe { Grpc = new V1GRPCAction { Port = port, Service = service } };
        return _node.Runtime.Prober.ProbeAsync(probe, new V1Container { Name = "main" }, "127.0.0.1", null!, _node.Runtime.Runc, default);
    }

    private static async Task AnswerAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var message = body.ToArray()[5..];
        var service = message.Length == 0 ? "" : Encoding.UTF8.GetString(message[2..]);
        if (http.Request.Path != "/grpc.health.v1.Health/Check" || service == "web")
        {
            http.Response.StatusCode = 404;
            return;
        }

        http.Response.ContentType = "application/grpc";
        byte[] answer = service switch
        {
            "" or "shop" => [0, 0, 0, 0, 2, 8, 1],
            "broken" => [0, 0, 0, 0, 2, 8, 2],
            "silent" => [0, 0, 0, 0, 0],
            "endless" => new byte[100_000],
            _ => [],
        };
        if (service == "slow")
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        var (code, words) = service switch { "nobody" => (5, "unknown service"), "other" => (12, "unknown method Check"), _ => (0, "") };
        http.Response.DeclareTrailer("grpc-status");
        await http.Response.Body.WriteAsync(answer);
        http.Response.AppendTrailer("grpc-status", $"{code}");
        if (words.Length > 0)
            http.Response.AppendTrailer("grpc-message", words);
    }

    private Socket InNode()
    {
        using var node = _node.Paths.OpenNode(TestNode.Name);
        return node.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
    }
}
