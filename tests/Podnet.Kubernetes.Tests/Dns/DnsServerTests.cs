using System.Net;
using System.Net.Sockets;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Dns;

/// <summary>The server as real clients see it.</summary>
public sealed class DnsServerTests : IDisposable
{
    private readonly Kernel _kernel = new();

    public void Dispose() => _kernel.Dispose();

    [Fact]
    public async Task Real_dig_understands_every_kind_of_answer_over_UDP_and_TCP()
    {
        await using var dns = await TestDns.StartAsync(_kernel);
        foreach (var protocol in (string[])["+notcp", "+tcp"])
        {
            Assert.Equal("10.0.0.1", dns.Short(protocol, "web.default.svc.cluster.local"));
            Assert.Equal("fd00:10::1", dns.Short(protocol, "web.default.svc.cluster.local", "AAAA"));
            Assert.Equal("0 100 80 web.default.svc.cluster.local.", dns.Short(protocol, "_http._tcp.web.default.svc.cluster.local", "SRV"));
            Assert.Equal("web.default.svc.cluster.local.", dns.Short(protocol, "-x", "10.0.0.1"));
            Assert.Equal("web.default.svc.cluster.local.", dns.Short(protocol, "-x", "fd00:10::1"));
            Assert.Equal("\"1.1.0\"", dns.Short(protocol, "dns-version.cluster.local", "TXT"));
            Assert.Equal("web.default.svc.example.org.", dns.Short(protocol, "out.default.svc.cluster.local", "CNAME"));
            Assert.Contains("status: NXDOMAIN", dns.Dig(protocol, "nobody.default.svc.cluster.local"), StringComparison.Ordinal);
        }
        Assert.Contains(dns.Log.Lines, line => line.Contains("\"default/bad\" is left out", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("::1")]
    [InlineData("10.9.9.9")]
    public async Task The_answer_comes_from_the_address_that_was_asked(string address)
    {
        _kernel.Run("ip", "addr", "add", "10.9.9.9/32", "dev", "lo");
        await using var dns = await TestDns.StartAsync(_kernel);
        Assert.Equal("10.0.0.1", dns.Short($"@{address}", "web.default.svc.cluster.local"));
    }

    [Fact]
    public async Task What_UDP_has_no_room_for_comes_over_TCP()
    {
        await using var dns = await TestDns.StartAsync(_kernel, addresses: 1000);
        Assert.Equal(1000, dns.Short("db.default.svc.cluster.local").Split(' ').Length);
        var cut = dns.Dig("+ignore", "+bufsize=512", "db.default.svc.cluster.local");
        Assert.Contains("flags: qr aa tc rd;", cut, StringComparison.Ordinal);
        Assert.Contains("ANSWER: 28,", cut, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_resolve_while_the_API_server_is_away()
    {
        await using var dns = await TestDns.StartAsync(_kernel);
        await dns.Api.DisposeAsync();
        await Poll.UntilAsync(() => dns.Log.Lines.Any(line => line.Contains("watch", StringComparison.Ordinal)), () => string.Join('\n', dns.Log.Lines));
        Assert.Equal("10.0.0.1", dns.Short("web.default.svc.cluster.local"));
        Assert.Contains("status: NXDOMAIN", dns.Dig("nobody.default.svc.cluster.local"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Until_all_names_are_known_none_is_said_not_to_exist()
    {
        await using var dns = await TestDns.StartAsync(_kernel, works: false);
        Assert.Contains("status: SERVFAIL", dns.Dig("nobody.default.svc.cluster.local"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rubbish_over_UDP_and_TCP_does_not_keep_it_from_answering()
    {
        await using var dns = await TestDns.StartAsync(_kernel);
        var random = new Random(1);
        var (udp, half, rubbish) = _kernel.In(() => (
            new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp), new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp),
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)));
        using (udp)
        using (half)
        using (rubbish)
        {
            var server = new IPEndPoint(IPAddress.Loopback, dns.Port);
            udp.Connect(server);
            for (var i = 0; i < 5000; i++)
            {
                var packet = new byte[random.Next(0, 600)];
                random.NextBytes(packet);
                if (packet.Length > 12 && i % 2 == 0)
                    packet.AsSpan(2, 10).Clear(); // a header that is taken for a query's
                if (packet.Length > 12 && i % 4 == 0)
                    packet[5] = 1;
                udp.Send(packet);
            }
            half.Connect(server);
            half.Send([0, 100, 1]);
            rubbish.Connect(server);
            rubbish.Send([0, 3, 1, 2, 3]);
            Assert.Equal(0, rubbish.Receive(new byte[1])); // closed
            Assert.Equal("10.0.0.1", dns.Short("web.default.svc.cluster.local"));
            Assert.Equal("10.0.0.1", dns.Short("+tcp", "web.default.svc.cluster.local"));
        }
        Assert.DoesNotContain(dns.Log.Lines, line => line.Contains("defect", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Queries_are_counted()
    {
        await using var dns = await TestDns.StartAsync(_kernel);
        dns.Short("web.default.svc.cluster.local");
        dns.Short("+tcp", "nobody.default.svc.cluster.local");
        Assert.Contains("podnet_dns_responses_total{proto=\"udp\",rcode=\"NOERROR\"} 1\n", dns.Server.Metrics(), StringComparison.Ordinal);
        Assert.Contains("podnet_dns_responses_total{proto=\"tcp\",rcode=\"NXDOMAIN\"} 1\n", dns.Server.Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_asks_for_what_its_ClusterRole_grants_and_no_more()
    {
        await using var dns = await TestDns.StartAsync(_kernel);
        for (var i = 0; i < 3; i++)
            await dns.Api.NextWatchAsync();
        var used = dns.Api.Requests.Select(request => (Path: request.Split(' ')[1].Split('?')[0], Verb: request.Contains("watch=1", StringComparison.Ordinal) ? "watch" : "list"));
        Assert.Equal(
            "/api/v1/namespaces list|/api/v1/namespaces watch|/api/v1/services list|/api/v1/services watch"
            + "|/apis/discovery.k8s.io/v1/endpointslices list|/apis/discovery.k8s.io/v1/endpointslices watch",
            string.Join('|', used.Distinct().Select(each => $"{each.Path} {each.Verb}").Order(StringComparer.Ordinal)));
        Assert.Contains(
            """
              - apiGroups: [""]
                resources: [namespaces, services]
                verbs: [list, watch]
              - apiGroups: [discovery.k8s.io]
                resources: [endpointslices]
                verbs: [list, watch]
            ---
            """,
            Manifest(), StringComparison.Ordinal);
    }

    private static string Manifest()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Podnet.slnx")))
            folder = Path.GetDirectoryName(folder)!;
        return File.ReadAllText(Path.Combine(folder, "deploy", "podnet-dns.yaml"));
    }
}
