using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Watching;

/// <summary>ServiceCIDRs, which not every API server has.</summary>
public sealed class OptionalKindTests : IAsyncLifetime
{
    private const string Cidrs = """{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"kubernetes","resourceVersion":"1"},"spec":{"cidrs":["10.96.0.0/16"]}}]}""";

    private readonly RecordingLogger _log = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private FakeApiServer _server = null!;
    private ApiClient _client = null!;
    private ClusterStateBuilder _cluster = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = _server.Connect();
        _cluster = new(_log);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private async Task StartAsync()
    {
        var watch = new ListWatch<V1ServiceCIDR>(_client, Resources.ServiceCidrs, _cluster.ServiceCidrs, _log, null, _time) { Older = Resources.BetaServiceCidrs };
        _running = watch.RunAsync(_stop.Token);
        await watch.Synced.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_server_of_before_has_them_as_v1beta1()
    {
        _server.Answer = request => request.Path.Value!.Contains("/v1beta1/", StringComparison.Ordinal) ? (200, Cidrs) : (404, "{}");
        await StartAsync();
        Assert.Equal(["10.96.0.0/16"], _cluster.Current.ServiceCidrs.Select(cidr => cidr.ToString()));
        var watch = await _server.NextWatchAsync();
        Assert.StartsWith("/apis/networking.k8s.io/v1beta1/servicecidrs?watch=1", watch.Target, StringComparison.Ordinal);
        watch.End();
    }

    [Theory]
    [InlineData(404)]
    [InlineData(403)]
    public async Task A_server_without_them_holds_up_nobody_and_is_asked_again_now_and_then(int code)
    {
        _server.Answer = _ => (code, "{}");
        await StartAsync();
        Assert.Empty(_cluster.Current.ServiceCidrs);
        Assert.Equal(2, _server.Requests.Count);
        Assert.Single(_log.Lines);
        var passed = TimeSpan.Zero;
        await Poll.UntilAsync(
            () =>
            {
                // Until the second question the watch has perhaps not begun to wait.
                if (_server.Requests.Count < 4)
                    (passed, _) = (passed + TimeSpan.FromMinutes(1), Advance());
                return _server.Requests.Count == 4;
            },
            () => "not asked again");
        Assert.True(passed >= ListWatch<V1ServiceCIDR>.AbsentPeriod);
        Assert.Single(_log.Lines);
        _server.Answer = _ => (200, Cidrs);
        await Poll.UntilAsync(() => Advance() && !_cluster.Current.ServiceCidrs.IsEmpty, () => "not found when it came");
        (await _server.NextWatchAsync()).End();
    }

    private bool Advance()
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        return true;
    }
}
