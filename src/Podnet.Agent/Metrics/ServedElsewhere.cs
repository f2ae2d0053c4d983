using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Agent.Metrics;

/// <summary>
/// How many ServicePorts of policy Local only other nodes serve, kept Service by Service: kube-proxy's
/// sync_proxy_rules_no_local_endpoints_total.
/// </summary>
internal sealed class ServedElsewhere(IPFamily family, AgentMetrics metrics)
{
    private readonly Dictionary<ObjectName, (int Internal, int External)> _services = []; // Those that have any.

    public void Clear() => _services.Clear();

    public void Put(ObjectName service, ImmutableArray<ServicePortIntent> ports)
    {
        var count = (Internal: 0, External: 0);
        foreach (var port in ports)
        {
            if (!port.HasEndpoints || !port.LocalEndpoints.IsEmpty)
                continue;
            if (port.InternalPolicy == TrafficPolicy.Local)
                count.Internal++;
            if (port.ExternalPolicy == TrafficPolicy.Local && port.IsExternallyAccessible)
                count.External++;
        }
        if (count == default)
            _services.Remove(service);
        else
            _services[service] = count;
    }

    public void Report() => metrics.NoLocalEndpoints(family, _services.Values.Sum(count => count.Internal), _services.Values.Sum(count => count.External));
}
