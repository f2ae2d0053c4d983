using System.Collections.Immutable;
using System.Net;
using k8s.Models;
using Podnet.Core.Model;
using Podnet.Core.Routes;

namespace Podnet.Local.Controllers;

/// <param name="Changed">Services whose status.loadBalancer is to become another: their addresses, in the order of spec.ipFamilies.</param>
/// <param name="Refused">Services that do not get all that they ask for, and why.</param>
/// <param name="Routes">Every address that a node takes packets for.</param>
internal sealed record LoadBalancerDecision(
    ImmutableArray<(V1Service Service, ImmutableArray<IPAddress> Addresses)> Changed,
    ImmutableArray<(V1Service Service, string Why)> Refused,
    ImmutableArray<PodRoute> Routes);

/// <summary>
/// Which addresses Services of type LoadBalancer get, and which node gets their packets: any that is ready, and for one with
/// externalTrafficPolicy Local one that has an endpoint. A loadBalancerClass is somebody else's to serve.
/// </summary>
internal static class LoadBalancerPlan
{
    private const int LastTaken = 2; // of a pool

    public static LoadBalancerDecision Decide(
        IEnumerable<V1Service> services, IReadOnlyCollection<V1EndpointSlice> slices, IEnumerable<V1Node> nodes, ImmutableArray<IPNetwork> pools)
    {
        var ready = nodes.Where(IsReady).OrderBy(node => node.Metadata.Name, StringComparer.Ordinal).ToList();
        var changed = ImmutableArray.CreateBuilder<(V1Service, ImmutableArray<IPAddress>)>();
        var refused = ImmutableArray.CreateBuilder<(V1Service, string)>();
        var routes = ImmutableArray.CreateBuilder<PodRoute>();
        var ordered = services.OrderBy(service => service.Metadata.CreationTimestamp).ThenBy(service => service.Metadata.Uid, StringComparer.Ordinal).ToList();
        // Whoever has an address keeps it, before anybody gets a new one.
        var taken = new Dictionary<IPAddress, V1Service>();
        foreach (var service in ordered.Where(IsServed))
        {
            foreach (var address in Present(service).Where(address => pools.Any(pool => IsIn(pool, address))))
                taken.TryAdd(address, service);
        }

        foreach (var service in ordered)
        {
            if (service.Spec.LoadBalancerClass is not null)
                continue;
            var wanted = IsServed(service) ? Grant(service, pools, taken, why => refused.Add((service, why))) : [];
            if (!wanted.SequenceEqual(Present(service)))
                changed.Add((service, wanted));
            var candidates = service.Spec.ExternalTrafficPolicy == "Local" ? WithEndpoint(service, slices, ready) : ready;
            routes.AddRange(wanted.Select(address => RouteTo(address, candidates)).OfType<PodRoute>());
        }

        return new LoadBalancerDecision(changed.ToImmutable(), refused.ToImmutable(), routes.ToImmutable());
    }

    private static bool IsServed(V1Service service) =>
        service.Spec is { Type: "LoadBalancer", LoadBalancerClass: null } && service.Metadata.DeletionTimestamp is null;

    private static List<IPAddress> Present(V1Service service) =>
        [.. (service.Status?.LoadBalancer?.Ingress ?? []).Select(one => IPAddress.TryParse(one.Ip, out var ip) ? ip : IPAddress.None)];

    private static ImmutableArray<IPAddress> Grant(
        V1Service service, ImmutableArray<IPNetwork> pools, Dictionary<IPAddress, V1Service> taken, Action<string> refuse)
    {
        var granted = ImmutableArray.CreateBuilder<IPAddress>();
        foreach (var family in service.Spec.IpFamilies ?? [])
        {
            var pool = pools.FirstOrDefault(pool => pool.Family().Name() == family);
            var asked = IPAddress.TryParse(service.Spec.LoadBalancerIP, out var ip) && ip.Family() == pool.Family() ? ip : null;
            if (asked is not null && !IsIn(pool, asked))
            {
                refuse($"spec.loadBalancerIP {asked} is not of the pool {pool} of load balancers' addresses: ask for one that is, or for none");
                continue;
            }

            if (asked is not null && taken.TryGetValue(asked, out var owner) && owner != service)
            {
                refuse($"spec.loadBalancerIP {asked} is taken by Service {owner.Metadata.NamespaceProperty}/{owner.Metadata.Name}");
                continue;
            }

            var own = Present(service).Find(address => IsIn(pool, address) && taken.GetValueOrDefault(address) == service);
            if ((asked ?? own ?? Free(pool, taken)) is not { } address)
            {
                refuse($"the pool {pool} of load balancers' addresses has no free one");
                continue;
            }

            taken[address] = service;
            granted.Add(address);
        }

        return granted.ToImmutable();
    }

    private static bool IsIn(IPNetwork pool, IPAddress address) =>
        pool.Contains(address) && !address.Equals(pool.At(pool.Size() - 1)) && !address.Equals(pool.At(pool.Size() - LastTaken));

    private static IPAddress? Free(IPNetwork pool, Dictionary<IPAddress, V1Service> taken)
    {
        for (var place = UInt128.Zero; place < pool.Size() - LastTaken; place++)
        {
            if (pool.At(place) is var address && !taken.ContainsKey(address))
                return address;
        }

        return null;
    }

    private static bool IsReady(V1Node node) => node.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true;

    /// <summary>The nodes with an endpoint that takes new connections (conditions.ready, which not to say is to say true).</summary>
    private static List<V1Node> WithEndpoint(V1Service service, IEnumerable<V1EndpointSlice> slices, List<V1Node> nodes)
    {
        var names = slices
            .Where(slice => slice.Metadata.NamespaceProperty == service.Metadata.NamespaceProperty && slice.GetLabel(WellKnown.ServiceName) == service.Metadata.Name)
            .SelectMany(slice => slice.Endpoints ?? [])
            .Where(endpoint => endpoint.Conditions?.Ready != false)
            .Select(endpoint => endpoint.NodeName)
            .ToHashSet();
        return nodes.FindAll(node => names.Contains(node.Metadata.Name));
    }

    /// <summary>
    /// Null where no node can take it. Each address has an order of its own among the nodes (rendezvous hashing), so that they share the work and
    /// that a node which comes or goes moves only the addresses that it takes or had.
    /// </summary>
    private static PodRoute? RouteTo(IPAddress address, IReadOnlyCollection<V1Node> nodes) => nodes
        .Select(node => (node.Metadata.Name, IP: AddressOf(node, address.Family())))
        .Where(node => node.IP is not null)
        .OrderBy(node => Objects.NameHash($"{address} {node.Name}"), StringComparer.Ordinal)
        .Select(node => new PodRoute(new IPNetwork(address, address.Family().Bits()), node.IP!, node.Name))
        .FirstOrDefault();

    private static IPAddress? AddressOf(V1Node node, IPFamily family) => node.Status.Addresses?
        .Where(one => one.Type == "InternalIP")
        .Select(one => IPAddress.TryParse(one.Address, out var ip) ? ip : null)
        .FirstOrDefault(ip => ip?.Family() == family);
}
