using Podnet.Agent.Metrics;
using Podnet.Agent.Tests.Health;
using Podnet.Core.Model;
using Podnet.Core.Services;
using Podnet.Dataplane;

namespace Podnet.Agent.Tests.Metrics;

public sealed class AgentMetricsTests
{
    private readonly ManualTime _time = new();
    private readonly AgentMetrics _metrics;

    public AgentMetricsTests() => _metrics = new AgentMetrics(ProxyMode.Iptables, _time);

    private string Text() => string.Concat(_metrics.Print());

    [Fact]
    public void A_histogram_counts_what_is_at_most_so_large()
    {
        _metrics.Synced(IPFamily.V4, TimeSpan.FromMilliseconds(3), full: true);
        _metrics.Synced(IPFamily.V4, TimeSpan.FromSeconds(100), full: false);

        var lines = Text().Split('\n');

        Assert.Contains("# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram", lines);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.002\"} 0", lines);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.004\"} 1", lines);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"16.384\"} 1", lines);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"+Inf\"} 2", lines);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family=\"IPv4\"} 100.003", lines);
        Assert.Contains("kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1", lines);
    }

    [Fact]
    public void Programming_takes_from_the_change_in_the_cluster_to_the_sync_that_has_it()
    {
        var trigger = _time.GetUtcNow();
        _metrics.EndpointSliceChanged(trigger - TimeSpan.FromHours(1)); // Before the agent was there.
        _metrics.EndpointSliceChanged(trigger);
        _time.Pass(TimeSpan.FromSeconds(2));
        _metrics.Taken();
        _metrics.EndpointSliceChanged(trigger); // For the next one.
        Assert.Contains("endpoint_changes_pending 1\n", Text(), StringComparison.Ordinal);
        _metrics.Synced(IPFamily.V4, TimeSpan.FromMilliseconds(1), full: false);

        Assert.Contains("kubeproxy_network_programming_duration_seconds_sum{ip_family=\"IPv4\"} 2\n", Text(), StringComparison.Ordinal);
        Assert.Contains("kubeproxy_network_programming_duration_seconds_count{ip_family=\"IPv4\"} 1\n", Text(), StringComparison.Ordinal);
        Assert.Contains("kubeproxy_sync_proxy_rules_endpoint_changes_total 3\n", Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Connections_are_read_when_somebody_asks_and_not_more_often_than_they_may()
    {
        var source = new Source();
        _metrics.Connections.Refresh([source]);
        Assert.Equal(0, source.Reads);
        Assert.DoesNotContain("{", string.Concat(_metrics.Connections.Print()), StringComparison.Ordinal);
        _metrics.Connections.Refresh([source]);
        _metrics.Connections.Refresh([source]);
        Assert.Equal(1, source.Reads);

        var lines = string.Concat(_metrics.Connections.Print()).Split('\n');

        Assert.Contains("podnet_service_connections_total{namespace=\"shop\",service=\"web\",port=\"http\",protocol=\"TCP\",ip_family=\"IPv4\"} 7", lines);
        Assert.Contains("podnet_endpoint_connections_total{namespace=\"shop\",service=\"web\",port=\"http\",protocol=\"TCP\",ip_family=\"IPv4\",endpoint=\"10.0.0.1:80\"} 7", lines);
        Assert.DoesNotContain(lines, line => line.Contains("10.0.0.2:80", StringComparison.Ordinal));
    }

    [Fact]
    public void A_label_may_hold_anything() => Assert.Equal(
        "m{a=\"x\\\\\\\"\\n\"} 1\n", Metric.Line("m", ["a"], ["x\\\"\n"], "1"));

    [Fact]
    public void Promtool_would_take_it_each_family_once_and_every_sample_below_its_type()
    {
        _metrics.Drift("Routes", repaired: false);
        _metrics.Healthz(503);
        _metrics.SyncFailed(IPFamily.V6);
        var seen = new HashSet<string>();
        var family = "";
        foreach (var line in (Text() + string.Concat(_metrics.Connections.Print())).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
                Assert.True(seen.Add(family = line.Split(' ')[2]), line);
            else if (!line.StartsWith('#'))
                Assert.Matches($"^{family}(_bucket|_sum|_count)?(\\{{[^}}]*\\}})? [0-9.E+-]+$", line);
        }
        Assert.Contains("podnet_drift_found_total{part=\"Routes\"} 1\n", Text(), StringComparison.Ordinal);
        Assert.Contains("podnet_drift_repaired_total{part=\"Routes\"} 0\n", Text(), StringComparison.Ordinal);
        Assert.Contains("kubeproxy_proxy_healthz_total{code=\"503\"} 1\n", Text(), StringComparison.Ordinal);
        Assert.Contains("kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family=\"IPv6\"} 1\n", Text(), StringComparison.Ordinal);
    }

    private sealed class Source : IConnectionCounts
    {
        private static readonly ServicePortName Port = new(new("shop", "web"), "http", Protocol.Tcp);

        public int Reads { get; private set; }

        public ConnectionCounts ReadConnections()
        {
            Reads++;
            return new(IPFamily.V4, [(Port, 7)], [new(Port, "10.0.0.1:80", 7), new(Port, "10.0.0.2:80", 0)]);
        }
    }
}
