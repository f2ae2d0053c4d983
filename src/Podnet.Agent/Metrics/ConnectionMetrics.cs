using System.Diagnostics;
using System.Globalization;
using Podnet.Core.Model;
using Podnet.Core.Services;
using Podnet.Dataplane;

namespace Podnet.Agent.Metrics;

/// <summary>
/// Connections per Service and per endpoint. They are read from the kernel only while somebody asks for them, by the loop's thread;
/// who asks gets what was read last, so the first answer has none yet.
/// </summary>
internal sealed class ConnectionMetrics
{
    private const string Services = "podnet_service_connections_total";
    private const string Endpoints = "podnet_endpoint_connections_total";
    private static readonly string[] ServiceLabels = ["namespace", "service", "port", "protocol", "ip_family"];
    private static readonly string[] EndpointLabels = [.. ServiceLabels, "endpoint"];

    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(10);

    /// <summary>Reading takes at most one part in so many of the thread's time. Arbitrary, as the next is.</summary>
    private const int PauseOverTime = 20;

    /// <summary>Nobody asks any more.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private volatile IReadOnlyList<ConnectionCounts> _counts = [];
    private long _asked;
    private long _notBefore;

    /// <summary>On the loop's thread, now and then.</summary>
    public void Refresh(IEnumerable<IConnectionCounts> sources)
    {
        var asked = Interlocked.Read(ref _asked);
        var began = Stopwatch.GetTimestamp();
        if (asked == 0 || began < _notBefore || Stopwatch.GetElapsedTime(asked) > Patience)
            return;
        _counts = [.. sources.Select(source => source.ReadConnections())];
        var pause = Stopwatch.GetElapsedTime(began) * PauseOverTime;
        _notBefore = Stopwatch.GetTimestamp() + (long)((pause > ShortestPause ? pause : ShortestPause).TotalSeconds * Stopwatch.Frequency);
    }

    /// <summary>Line by line: of 10,000 Services with five endpoints each they are some megabytes.</summary>
    public IEnumerable<string> Print()
    {
        Interlocked.Exchange(ref _asked, Stopwatch.GetTimestamp());
        var counts = _counts;
        yield return $"# HELP {Services} Connections that a Service's addresses took; Services without any are left out\n# TYPE {Services} counter\n";
        foreach (var family in counts)
        {
            foreach (var (port, connections) in family.Services)
            {
                if (connections > 0)
                    yield return Metric.Line(Services, ServiceLabels, Labels(port, family.Family), Text(connections));
            }
        }

        yield return $"# HELP {Endpoints} Connections of a Service that an endpoint took; endpoints without any are left out\n# TYPE {Endpoints} counter\n";
        foreach (var family in counts)
        {
            foreach (var (port, endpoint, connections) in family.Endpoints)
            {
                if (connections > 0)
                    yield return Metric.Line(Endpoints, EndpointLabels, [.. Labels(port, family.Family), endpoint], Text(connections));
            }
        }
    }

    private static string[] Labels(ServicePortName port, IPFamily family) =>
        [port.Service.Namespace, port.Service.Name, port.Port, port.Protocol.ToString().ToUpperInvariant(), family.Name()];

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
