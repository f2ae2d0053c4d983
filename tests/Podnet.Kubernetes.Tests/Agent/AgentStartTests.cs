using Podnet.Agent;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Agent;

/// <summary>A whole agent, against a server that is not always there.</summary>
public sealed class AgentStartTests : IAsyncLifetime
{
    private const string Node = """{"metadata":{"name":"node-1","resourceVersion":"1","uid":"n"},"spec":{"podCIDRs":["10.240.0.0/27"]},"status":{"addresses":[{"type":"InternalIP","address":"10.99.0.2"}]}}""";

    private readonly Kernel _kernel = new();
    private readonly RecordingLogger _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly string _kubeconfig = Path.GetTempFileName();
    private FakeApiServer _server = null!;
    private Task _running = Task.CompletedTask;
    private volatile bool _hasSlices;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _server.Answer = request => request.Path.Value switch
        {
            "/api/v1/nodes" => (200, $$"""{"metadata":{"resourceVersion":"7"},"items":[{{Node}}]}"""),
            "/apis/discovery.k8s.io/v1/endpointslices" when !_hasSlices => (500, "{}"),
            { } path when path.StartsWith("/api/v1/nodes/", StringComparison.Ordinal) => (200, Node),
            _ => (200, """{"metadata":{"resourceVersion":"7"},"items":[]}"""),
        };
        var config = $"{{current-context: c, contexts: [{{name: c, context: {{cluster: k}}}}], clusters: [{{name: k, cluster: {{server: \"{_server.Address}\"}}}}]}}";
        await File.WriteAllTextAsync(_kubeconfig, config);
        var options = new AgentOptions("node-1", _kubeconfig) { HealthzAddress = null, MetricsAddress = null };
        _running = _kernel.In(() => NodeAgent.RunAsync(options, _log, _stop.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _server.DisposeAsync();
        _kernel.Dispose();
        File.Delete(_kubeconfig);
    }

    private bool HasRules() => _kernel.Run("nft", "list", "ruleset").Contains("masquerade", StringComparison.Ordinal);

    private Task UntilAsync(Func<bool> holds) => Poll.UntilAsync(holds, () => string.Join('\n', _log.Lines));

    [Fact]
    public async Task Nothing_is_written_before_all_kinds_are_there_and_nothing_is_taken_away_while_the_server_is_not()
    {
        await UntilAsync(() => _server.Requests.Count(request => request.Contains("endpointslices", StringComparison.Ordinal)) >= 4);
        Assert.Empty(_kernel.Run("nft", "list", "ruleset"));
        _hasSlices = true;
        await UntilAsync(HasRules);
        await _server.DisposeAsync();
        await UntilAsync(() => _log.Lines.Count(line => line.StartsWith("The watch of endpointslices ended", StringComparison.Ordinal)) >= 3);
        Assert.True(HasRules());
        // What somebody takes away meanwhile comes back: the agent knows what the cluster wanted last.
        _kernel.Run("nft", "flush", "ruleset");
        await UntilAsync(HasRules);
    }
}
