using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Dns;
using Podnet.Dns;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Dns;

/// <summary>A DNS server in a network namespace of the test's own, its API server, and dig.</summary>
internal sealed class TestDns : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ApiClient _client;
    private readonly Task _running;
    private readonly DnsListener _listener;

    private TestDns(Kernel kernel, FakeApiServer api, DnsOptions options, IPEndPoint address)
    {
        (Kernel, Api) = (kernel, api);
        _client = api.Connect();
        Server = new DnsServer(options, _client, Log);
        _listener = kernel.In(() => DnsListener.Open(address));
        Port = _listener.Address.Port;
        // Sockets that ask other servers belong to the namespace of the thread that opens them: those of the machine's own.
        _running = Server.RunAsync([_listener], _stop.Token);
    }

    public Kernel Kernel { get; }

    public FakeApiServer Api { get; }

    public DnsServer Server { get; }

    public RecordingLogger Log { get; } = new();

    public int Port { get; }

    /// <param name="addresses">Of the headless Service "db", whose pods they are.</param>
    public static async Task<TestDns> StartAsync(
        Kernel kernel, IPEndPoint? address = null, string domain = "cluster.local", ImmutableArray<IPEndPoint> upstreams = default, int addresses = 3, bool works = true)
    {
        var api = await FakeApiServer.StartAsync();
        api.Answer = request => works ? (200, Objects(request.Path.Value!, addresses)) : (500, "{}");
        var options = new DnsOptions { Domain = DnsName.Parse(domain), Upstreams = upstreams.IsDefault ? [] : upstreams };
        var dns = new TestDns(kernel, api, options, address ?? new IPEndPoint(IPAddress.Any, 53));
        if (works)
            await Poll.UntilAsync(() => dns.Server.IsSynced, () => string.Join('\n', dns.Log.Lines));
        return dns;
    }

    /// <summary>What dig prints, with +short unless something else is said.</summary>
    public string Dig(params string[] arguments) =>
        Kernel.Run("dig", ["-p", $"{Port}", "+tries=1", "+time=10", .. arguments.Any(each => each.StartsWith('@')) ? (string[])[] : ["@127.0.0.1"], .. arguments]).Trim();

    public string Short(params string[] arguments) => string.Join(' ', Dig(["+short", .. arguments]).Split('\n').Order(StringComparer.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _client.Dispose();
        _stop.Dispose();
        await Api.DisposeAsync();
    }

    private static string Objects(string path, int addresses)
    {
        var endpoints = Enumerable.Range(1, addresses).Select(i => $$"""{"addresses":["10.240.{{i / 250}}.{{i % 250}}"],"hostname":"db-{{i}}"}""");
        return path switch
        {
            "/api/v1/namespaces" => List("""{"metadata":{"name":"default","resourceVersion":"1"}}"""),
            "/api/v1/services" => List(
                """{"metadata":{"name":"web","namespace":"default","resourceVersion":"1"},"spec":{"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00:10::1"],"ports":[{"name":"http","port":80}]}}""",
                """{"metadata":{"name":"db","namespace":"default","resourceVersion":"1"},"spec":{"clusterIP":"None"}}""",
                """{"metadata":{"name":"out","namespace":"default","resourceVersion":"1"},"spec":{"type":"ExternalName","externalName":"web.default.svc.example.org"}}""",
                """{"metadata":{"name":"bad","namespace":"default","resourceVersion":"1"},"spec":{"type":"ExternalName","externalName":"a..b"}}"""),
            "/apis/discovery.k8s.io/v1/endpointslices" => List(
                $$"""{"metadata":{"name":"db-1","namespace":"default","resourceVersion":"1","labels":{"kubernetes.io/service-name":"db"} },"addressType":"IPv4","ports":[{"name":"http","port":8080}],"endpoints":[{{string.Join(',', endpoints)}}]}"""),
            _ => "{}",
        };
    }

    private static string List(params string[] items) => $$"""{"metadata":{"resourceVersion":"7"},"items":[{{string.Join(',', items)}}]}""";
}
