using Podnet.Core.Model;

namespace Podnet.Agent.Metrics;

/// <summary>
/// What the agent counts: kube-proxy's metrics by kube-proxy's names, texts, labels and bounds (pkg/proxy/metrics/metrics.go), and
/// Podnet's own. From any thread.
/// </summary>
internal sealed class AgentMetrics(ProxyMode mode, TimeProvider time)
{
    private static readonly double[] SyncBounds = HistogramMetric.Doubling(0.001, 15);

    /// <summary>0.25 and 0.5 s, then each second to 59, each 5 s to 115, each 30 s to 5 min. The 0 is kube-proxy's, by an oversight.</summary>
    private static readonly double[] ProgrammingBounds =
        [0, 0.25, 0.5, .. Steps(1, 1, 59), .. Steps(60, 5, 12), .. Steps(120, 30, 7)];

    private readonly HistogramMetric _sync = new("kubeproxy_sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds", SyncBounds, "ip_family");
    private readonly HistogramMetric _fullSync = new("kubeproxy_sync_full_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for full resyncs", SyncBounds, "ip_family");
    private readonly HistogramMetric _partialSync = new("kubeproxy_sync_partial_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds for partial resyncs", SyncBounds, "ip_family");
    private readonly HistogramMetric _programming = new("kubeproxy_network_programming_duration_seconds", "In Cluster Network Programming Latency in seconds", ProgrammingBounds, "ip_family");
    private readonly NumberMetric _lastQueued = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "The last time a sync of proxy rules was queued", "ip_family");
    private readonly NumberMetric _lastSync = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "The last time proxy rules were successfully synced", "ip_family");
    private readonly NumberMetric _endpointsPending = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_endpoint_changes_pending", "Pending proxy rules Endpoint changes");
    private readonly NumberMetric _endpointChanges = NumberMetric.Counter("kubeproxy_sync_proxy_rules_endpoint_changes_total", "Cumulative proxy rules Endpoint changes");
    private readonly NumberMetric _servicesPending = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_service_changes_pending", "Pending proxy rules Service changes");
    private readonly NumberMetric _serviceChanges = NumberMetric.Counter("kubeproxy_sync_proxy_rules_service_changes_total", "Cumulative proxy rules Service changes");
    private readonly NumberMetric _noLocalEndpoints = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_no_local_endpoints_total", "Number of services with a Local traffic policy and no endpoints", "ip_family", "traffic_policy");
    private readonly NumberMetric _healthz = NumberMetric.Counter("kubeproxy_proxy_healthz_total", "Cumulative proxy healthz HTTP status", "code");
    private readonly NumberMetric _livez = NumberMetric.Counter("kubeproxy_proxy_livez_total", "Cumulative proxy livez HTTP status", "code");
    private readonly HistogramMetric _conntrack = new("kubeproxy_conntrack_reconciler_sync_duration_seconds", "ReconcileConntrackFlowsLatency latency in seconds", SyncBounds, "ip_family");
    private readonly NumberMetric _flowsDeleted = NumberMetric.Counter("kubeproxy_conntrack_reconciler_deleted_entries_total", "Cumulative conntrack flows deleted by conntrack reconciler", "ip_family");
    private readonly NumberMetric _iptablesRules = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_iptables_total", "Total number of iptables rules owned by kube-proxy", "ip_family", "table");
    private readonly NumberMetric _iptablesLast = NumberMetric.Gauge("kubeproxy_sync_proxy_rules_iptables_last", "Number of iptables rules written by kube-proxy in last sync", "ip_family", "table");
    private readonly NumberMetric _iptablesFailures = NumberMetric.Counter("kubeproxy_sync_proxy_rules_iptables_restore_failures_total", "Cumulative proxy iptables restore failures", "ip_family");
    private readonly NumberMetric _nftablesFailures = NumberMetric.Counter("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "Cumulative proxy nftables sync failures", "ip_family");
    private readonly NumberMetric _driftFound = NumberMetric.Counter("podnet_drift_found_total", "Times that somebody else was found to have changed what the agent keeps in the kernel", "part");
    private readonly NumberMetric _driftRepaired = NumberMetric.Counter("podnet_drift_repaired_total", "Times that this was put back", "part");

    private readonly NumberMetric _leakedAddresses = NumberMetric.Gauge("podnet_leaked_addresses", "Addresses of the pod network that are reserved and that no route of the node leads to");

    private readonly NumberMetric _fastPathPackets = NumberMetric.Counter("podnet_fast_path_packets_total", "Packets of established TCP connections that went past routing, connection tracking and rules");
    private readonly NumberMetric _fastPathBytes = NumberMetric.Counter("podnet_fast_path_bytes_total", "Bytes of these, with their headers");

    private readonly Lock _gate = new();
    private readonly DateTimeOffset _started = time.GetUtcNow();
    private List<DateTimeOffset> _triggers = []; // Of changes that no sync has seen yet.
    private readonly Dictionary<IPFamily, List<DateTimeOffset>> _syncing = new() { [IPFamily.V4] = [], [IPFamily.V6] = [] };

    public ConnectionMetrics Connections { get; } = new();

    public void ServiceChanged()
    {
        _serviceChanges.Add(1);
        _servicesPending.Add(1);
    }

    /// <param name="trigger">When what it says came about, by the controller that wrote it; null where that is not said.</param>
    public void EndpointSliceChanged(DateTimeOffset? trigger)
    {
        _endpointChanges.Add(1);
        _endpointsPending.Add(1);
        // What changed before the agent was there says nothing about how fast it is.
        if (trigger is not { } at || at < _started)
            return;
        lock (_gate)
            _triggers.Add(at);
    }

    public void Queued()
    {
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
            _lastQueued.Set(Now(), family.Name());
    }

    /// <summary>What changed so far is in the sync that begins now; what changes from here on is in a later one.</summary>
    public void Taken()
    {
        _servicesPending.Set(0);
        _endpointsPending.Set(0);
        lock (_gate)
        {
            foreach (var syncing in _syncing.Values)
                syncing.AddRange(_triggers);
            _triggers = [];
        }
    }

    /// <param name="full">Against what the kernel was found to have, not what was written last.</param>
    public void Synced(IPFamily family, TimeSpan took, bool full)
    {
        var name = family.Name();
        _sync.Observe(took.TotalSeconds, name);
        (full ? _fullSync : _partialSync).Observe(took.TotalSeconds, name);
        _lastSync.Set(Now(), name);
        lock (_gate)
        {
            foreach (var trigger in _syncing[family])
                _programming.Observe((time.GetUtcNow() - trigger).TotalSeconds, name);
            _syncing[family].Clear();
        }
    }

    public void SyncFailed(IPFamily family) => (mode == ProxyMode.Iptables ? _iptablesFailures : _nftablesFailures).Add(1, family.Name());

    /// <summary>ServicePorts of policy Local that only other nodes serve.</summary>
    public void NoLocalEndpoints(IPFamily family, int @internal, int external)
    {
        _noLocalEndpoints.Set(@internal, family.Name(), "internal");
        _noLocalEndpoints.Set(external, family.Name(), "external");
    }

    /// <param name="all">Rules that are ours.</param>
    /// <param name="written">Of those, the ones that this sync wrote.</param>
    public void Iptables(IPFamily family, string table, int all, int written)
    {
        _iptablesRules.Set(all, family.Name(), table);
        _iptablesLast.Set(written, family.Name(), table);
    }

    public void Healthz(int code) => _healthz.Add(1, Metric.Text(code));

    public void Livez(int code) => _livez.Add(1, Metric.Text(code));

    public void ConntrackCleaned(IPFamily family, TimeSpan took, int deleted)
    {
        _conntrack.Observe(took.TotalSeconds, family.Name());
        _flowsDeleted.Add(deleted, family.Name());
    }

    public void Drift(string part, bool repaired)
    {
        _driftFound.Add(1, part);
        _driftRepaired.Add(repaired ? 1 : 0, part);
    }

    /// <summary>Since the agent started.</summary>
    public void FastPath((ulong Packets, ulong Bytes) count)
    {
        _fastPathPackets.Set(count.Packets);
        _fastPathBytes.Set(count.Bytes);
    }

    public void LeakedAddresses(int count) => _leakedAddresses.Set(count);

    /// <summary>Prometheus' text, piece by piece.</summary>
    public IEnumerable<string> Print()
    {
        Metric[] common =
        [
            _conntrack, _flowsDeleted, _programming, _healthz, _livez, _sync, _fullSync, _partialSync, _endpointsPending, _endpointChanges,
            _lastQueued, _lastSync, _noLocalEndpoints, _servicesPending, _serviceChanges, _driftFound, _driftRepaired, _leakedAddresses, _fastPathPackets, _fastPathBytes,
        ];
        Metric[] ofMode = mode == ProxyMode.Iptables ? [_iptablesRules, _iptablesLast, _iptablesFailures] : [_nftablesFailures];
        return [.. common.Concat(ofMode).SelectMany(metric => metric.Lines()), .. ProcessMetrics.Lines()];
    }

    private double Now() => time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    private static IEnumerable<double> Steps(double first, double step, int count) => Enumerable.Range(0, count).Select(i => first + i * step);
}
