using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Services;

/// <summary>Decides what this node does for Services. The backends (iptables, nftables) render it and decide nothing.</summary>
public static class ServicePlanner
{
    /// <param name="nodeName">
    /// This node. While the API server does not know it, nothing is local to it and it has no zone; Services work all the same.
    /// </param>
    public static ServiceIntent Plan(ClusterState state, string nodeName, IPFamily family)
    {
        var node = state.Nodes.GetValueOrDefault(nodeName) ?? new Node(nodeName);
        var ports = new List<ServicePortIntent>();
        var checks = new List<ServiceHealthCheck>();
        var endpoints = 0;
        foreach (var service in state.Services.Values)
        {
            var plan = PlanService(service, state.SlicesOf(service.Name), node, family);
            ports.AddRange(plan.Ports);
            checks.AddRange(plan.HealthChecks);
            endpoints += plan.EndpointCount;
        }

        ports.Sort((a, b) => a.Name.CompareTo(b.Name));
        checks.Sort((a, b) => a.Service.CompareTo(b.Service));
        return new ServiceIntent(family, [.. ports], [.. checks], endpoints);
    }

    /// <summary>The share of one Service, which depends on nothing but it, its slices and this node.</summary>
    public static ServiceIntent PlanService(Service service, ImmutableArray<EndpointSlice> slices, Node node, IPFamily family)
    {
        if (service.ClusterIPs.FirstOrDefault(ip => ip.Family() == family) is not { } clusterIP)
            return ServiceIntent.Empty(family);
        var ports = ImmutableArray.CreateBuilder<ServicePortIntent>(service.Ports.Length);
        var healthPort = HealthCheckNodePort(service);
        var localReady = new HashSet<IPAddress>();
        var count = 0;
        foreach (var port in service.Ports)
        {
            var name = new ServicePortName(service.Name, port.Name, port.Protocol);
            var all = EndpointCollector.Collect(name, slices, node.Name, family);
            count += all.Length;
            if (healthPort != 0)
                localReady.UnionWith(all.Where(e => e.IsLocal && e.Ready).Select(e => e.Address));
            ports.Add(Choose(Describe(service, port, name, clusterIP, family), all, node));
        }

        ImmutableArray<ServiceHealthCheck> checks =
            healthPort == 0 ? [] : [new ServiceHealthCheck(service.Name, healthPort, localReady.Count)];
        return new ServiceIntent(family, ports.ToImmutable(), checks, count);
    }

    private static ServicePortIntent Describe(
        Service service, ServicePort port, ServicePortName name, IPAddress clusterIP, IPFamily family) =>
        new(name, clusterIP, port.Port)
        {
            NodePort = port.NodePort,
            ExternalIPs = Of(service.ExternalIPs, family),
            LoadBalancerIPs = Of(service.LoadBalancerIPs, family),
            SourceRanges = [.. service.LoadBalancerSourceRanges.Where(range => range.Family() == family)],
            InternalPolicy = service.InternalTrafficPolicy,
            ExternalPolicy = ExternalPolicy(service),
            SessionAffinityTimeout = service.SessionAffinityTimeout,
            HealthCheckNodePort = HealthCheckNodePort(service),
        };

    private static ImmutableArray<IPAddress> Of(ImmutableArray<IPAddress> addresses, IPFamily family) =>
        addresses.IsEmpty ? [] : [.. addresses.Where(ip => ip.Family() == family).Distinct()];

    private static ServicePortIntent Choose(ServicePortIntent port, ImmutableArray<ServiceEndpoint> all, Node node)
    {
        // Also external policy Local needs the cluster's endpoints: pods and the node itself are not bound by it.
        var usesCluster = port.InternalPolicy == TrafficPolicy.Cluster || port.IsExternallyAccessible;
        var usesLocal = port.InternalPolicy == TrafficPolicy.Local
            || (port.ExternalPolicy == TrafficPolicy.Local && port.IsExternallyAccessible);
        ImmutableArray<ServiceEndpoint> cluster = usesCluster ? EndpointChoice.ForCluster(all, node) : [];
        ImmutableArray<ServiceEndpoint> local = usesLocal ? EndpointChoice.ForLocal(all) : [];
        return port with
        {
            ClusterEndpoints = cluster,
            LocalEndpoints = local,
            ReachableEndpoints = local.IsEmpty
                ? cluster
                : [.. cluster.Union(local).OrderBy(e => e.Text, StringComparer.Ordinal)],
            HasEndpoints = !cluster.IsEmpty || (usesLocal && all.Any(e => e.Ready || e.ServesWhileTerminating)),
        };
    }

    /// <summary>externalTrafficPolicy says something only where there is external traffic by the Service's type.</summary>
    private static TrafficPolicy ExternalPolicy(Service service) =>
        service.Type == ServiceType.ClusterIP && service.ExternalIPs.IsEmpty ? TrafficPolicy.Cluster : service.ExternalTrafficPolicy;

    private static ushort HealthCheckNodePort(Service service) =>
        service.Type == ServiceType.LoadBalancer && service.ExternalTrafficPolicy == TrafficPolicy.Local
            ? service.HealthCheckNodePort
            : (ushort)0;
}
