using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Podnet.Agent.Health;
using Podnet.Core.Model;

namespace Podnet.Agent.Tests.Health;

public sealed class ProxyHealthTests
{
    private static readonly ClusterState Here = ClusterState.Empty with { Nodes = ClusterState.Empty.Nodes.Add("a", new Node("a")) };
    private static readonly ClusterState Leaving = ClusterState.Empty with { Nodes = ClusterState.Empty.Nodes.Add("a", new Node("a") { Leaving = true }) };

    private readonly ManualTime _time = new();
    private readonly AgentStatus _status;
    private readonly StatusPages _pages;

    public ProxyHealthTests()
    {
        var options = new AgentOptions("a", "/k") { SyncPeriod = TimeSpan.FromSeconds(30) };
        _status = new AgentStatus(options, NullLogger.Instance, _time);
        _pages = new StatusPages(options, _status, NullLogger.Instance);
    }

    private JsonElement Json(string path) => JsonDocument.Parse(string.Concat(_pages.Health(path).Body)).RootElement;

    private (int Healthz, int Livez) Codes() => (_pages.Health("/healthz").Status, _pages.Health("/livez").Status);

    [Fact]
    public void While_it_starts_and_while_nothing_waits_all_is_well()
    {
        Assert.Equal((200, 200), Codes());
        _status.Taken(Here);
        _status.Health.Updated(IPFamily.V4);
        _time.Pass(TimeSpan.FromHours(1));
        Assert.Equal((200, 200), Codes());
        Assert.Equal(Json("/healthz").GetProperty("currentTime").GetString(), Json("/healthz").GetProperty("lastUpdated").GetString());
        Assert.True(Json("/healthz").GetProperty("nodeEligible").GetBoolean());
        Assert.False(Json("/livez").TryGetProperty("nodeEligible", out _));
    }

    [Fact]
    public void What_waits_for_longer_than_two_sync_periods_is_no_health_until_it_is_written()
    {
        _status.Taken(Here);
        _status.Health.Updated(IPFamily.V4);
        _status.Health.Updated(IPFamily.V6);
        _status.Queued();
        _time.Pass(TimeSpan.FromSeconds(40));
        _status.Queued();
        Assert.Equal((200, 200), Codes());
        _time.Pass(TimeSpan.FromSeconds(20));
        Assert.Equal((503, 503), Codes());
        _status.Health.Updated(IPFamily.V4);
        Assert.Equal((503, 503), Codes());
        var status = Json("/healthz").GetProperty("status");
        Assert.True(status.GetProperty("IPv4").GetProperty("healthy").GetBoolean());
        Assert.False(status.GetProperty("IPv6").GetProperty("healthy").GetBoolean());
        _status.Health.Updated(IPFamily.V6);
        Assert.Equal((200, 200), Codes());
    }

    [Fact]
    public void A_node_that_leaves_takes_no_traffic_but_its_agent_lives()
    {
        _status.Taken(Here);
        _status.Taken(Leaving);
        Assert.Equal((503, 200), Codes());
        Assert.True(Json("/healthz").GetProperty("healthy").GetBoolean());
        _status.Taken(ClusterState.Empty);
        Assert.Equal((503, 200), Codes());
        _status.Taken(Here);
        Assert.Equal((200, 200), Codes());
    }

    [Fact]
    public void The_other_pages_are_those_of_kube_proxy()
    {
        Assert.Equal("ok", string.Concat(_pages.Self("/healthz").Body));
        Assert.Equal("nftables", string.Concat(_pages.Self("/proxyMode").Body));
        var config = JsonDocument.Parse(string.Concat(_pages.Self("/configz").Body)).RootElement.GetProperty("kubeproxy.config.k8s.io");
        Assert.Equal("0.0.0.0:10256", config.GetProperty("healthzBindAddress").GetString());
        Assert.Equal("30s", config.GetProperty("nftables").GetProperty("syncPeriod").GetString());
        Assert.Equal(404, _pages.Self("/debug/pprof").Status);
        Assert.Equal(404, _pages.Health("/").Status);
    }
}

internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public void Pass(TimeSpan time) => _now += time;
}
