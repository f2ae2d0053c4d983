using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Podnet.Core.Dns;
using Podnet.Dns;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Dns;

/// <summary>Names that other servers know. The other server is at a loopback port of the machine.</summary>
public sealed class ForwardingTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public async Task Other_names_are_asked_for_once_and_remembered()
    {
        await using var upstream = new Upstream(255);
        await using var dns = await TestDns.StartAsync(_kernel, upstreams: [upstream.Address]);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("192.0.2.1", dns.Short("www.example.org"));
            Assert.Contains("status: NXDOMAIN", dns.Dig("nobody.example.org"), StringComparison.Ordinal);
        }
        Assert.Equal(["nobody.example.org", "www.example.org"], upstream.Asked.Order(StringComparer.Ordinal));
        Assert.Contains("podnet_dns_cache_hits_total 4\n", dns.Server.Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_external_name_brings_the_addresses_of_what_it_names()
    {
        await using var upstream = new Upstream(60);
        await using var dns = await TestDns.StartAsync(_kernel, upstreams: [upstream.Address]);
        Assert.Equal("192.0.2.1 web.default.svc.example.org.", dns.Short("out.default.svc.cluster.local"));
        Assert.Equal(["web.default.svc.example.org"], upstream.Asked);
    }

    [Fact]
    public async Task An_answer_that_must_not_be_kept_is_asked_for_again()
    {
        await using var upstream = new Upstream(0);
        await using var dns = await TestDns.StartAsync(_kernel, upstreams: [upstream.Address]);
        dns.Short("www.example.org");
        dns.Short("www.example.org");
        Assert.Equal(["www.example.org", "www.example.org"], upstream.Asked);
    }

    [Fact]
    public async Task A_server_that_is_away_is_passed_over_and_where_all_are_it_is_said()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // nobody reads it
        await using var upstream = new Upstream(60);
        await using (var dns = await TestDns.StartAsync(_kernel, upstreams: [(IPEndPoint)closed.LocalEndPoint!, upstream.Address]))
            Assert.Equal("192.0.2.1", dns.Short("www.example.org"));
        await using (var dns = await TestDns.StartAsync(_kernel, upstreams: [(IPEndPoint)closed.LocalEndPoint!]))
        {
            Assert.Contains("status: SERVFAIL", dns.Dig("www.example.org"), StringComparison.Ordinal);
            Assert.Equal("10.0.0.1", dns.Short("web.default.svc.cluster.local"));
        }
    }

    [Fact]
    public async Task Many_who_ask_the_same_at_once_are_one_question()
    {
        await using var upstream = new Upstream(60);
        upstream.Hold();
        var forwarder = new Forwarder([upstream.Address], NullLogger.Instance, TimeProvider.System);
        var key = Key("www.example.org");
        var all = Enumerable.Range(0, 50).Select(_ => forwarder.AskAsync(key)).ToArray();
        upstream.Release();
        Assert.All(await Task.WhenAll(all), reply => Assert.Equal(ResponseCode.NoError, reply!.Code));
        Assert.Single(upstream.Asked);
    }

    [Fact]
    public void What_is_remembered_grows_old_and_never_too_much()
    {
        var time = new FakeTimeProvider();
        var cache = new ReplyCache(100, time);
        Assert.True(UpstreamReply.TryRead(Answer("www.example.org", 30), QuestionKey.Question(Key("www.example.org")), out var reply));
        for (var i = 0; i < 1000; i++)
            cache.Keep(Key($"n{i}.example.org"), reply!);
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => cache.Find(Key($"n{i}.example.org"), out _) is not null), 50, 100);
        cache.Keep(Key("www.example.org"), reply!);
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.NotNull(cache.Find(Key("www.example.org"), out var age));
        Assert.Equal(20u, age);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(cache.Find(Key("www.example.org"), out _));
    }

    [Fact]
    public void The_nameservers_of_a_resolv_conf_are_read()
    {
        var text = "# a comment\nsearch example.org\nnameserver 192.0.2.53\n nameserver\tfe80::1%1 \nnameserver nonsense\nnameserver\noptions ndots:5\n";
        ImmutableArray<IPEndPoint> expected = [IPEndPoint.Parse("192.0.2.53:53"), new(IPAddress.Parse("fe80::1%1"), 53)];
        Assert.Equal(expected, DnsOptions.NameserversOf(text));
    }

    private static byte[] Key(string name) => [.. DnsName.Parse(name).Wire, 0, 1, 0, 1, 0];

    /// <summary>192.0.2.1, or where the name begins with "nobody" a "no".</summary>
    private static byte[] Answer(string name, byte ttl, byte[]? query = null)
    {
        byte[] question = [.. DnsName.Parse(name).Wire, 0, 1, 0, 1];
        var id = query?[..2] ?? [0, 0];
        byte[] soa = [0xC0, 0x0C, 0, 6, 0, 1, 0, 0, 0, ttl, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, ttl];
        return name.StartsWith("nobody", StringComparison.Ordinal)
            ? [.. id, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0, .. question, .. soa]
            : [.. id, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, .. question, 0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, 1];
    }

    /// <summary>A server that knows one address, and what it was asked.</summary>
    private sealed class Upstream : IAsyncDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        private readonly SemaphoreSlim _free = new(1);
        private readonly byte _ttl;
        private readonly Task _running;

        public Upstream(int ttl)
        {
            _ttl = (byte)Math.Min(ttl, 255);
            _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _running = RunAsync();
        }

        public IPEndPoint Address => (IPEndPoint)_socket.LocalEndPoint!;

        public System.Collections.Concurrent.ConcurrentQueue<string> Asked { get; } = [];

        public void Hold() => _free.Wait();

        public void Release() => _free.Release();

        public async ValueTask DisposeAsync()
        {
            _socket.Dispose();
            await _running;
        }

        private async Task RunAsync()
        {
            var buffer = new byte[2048];
            try
            {
                while (true)
                {
                    var received = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                    var name = Name(buffer);
                    Asked.Enqueue(name);
                    await _free.WaitAsync();
                    _free.Release();
                    // A guess at the answer, with another id, must not be believed.
                    var forged = Answer(name, _ttl, [(byte)(buffer[0] + 1), buffer[1]]);
                    forged[^1] = 66;
                    await _socket.SendToAsync(forged, received.RemoteEndPoint);
                    await _socket.SendToAsync(Answer(name, _ttl, buffer), received.RemoteEndPoint);
                }
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // The test is over.
            }
        }

        private static string Name(byte[] query)
        {
            var labels = new List<string>();
            for (var at = 12; query[at] != 0; at += query[at] + 1)
                labels.Add(System.Text.Encoding.ASCII.GetString(query, at + 1, query[at]));
            return string.Join('.', labels);
        }
    }
}
