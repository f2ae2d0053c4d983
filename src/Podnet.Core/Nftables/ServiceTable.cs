using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Core.Nftables;

/// <summary>
/// What a node's nf_tables table of one IP family is to have, kept up to date Service by Service: a change costs what it is in
/// size, however many others there are.
/// </summary>
/// <remarks>
/// What it holds depends on what was put last for each Service alone, never on the order. Where two Services claim the same
/// address and port (external IPs may), the one whose ServicePort has the smaller name has it.
/// </remarks>
public sealed class ServiceTable
{
    public const string Name = "podnet";

    private readonly Dictionary<ObjectName, ImmutableArray<Frontend>> _services = [];
    private readonly Dictionary<FrontendAddress, ImmutableArray<Frontend>> _claims = [];
    private readonly Dictionary<IPAddress, int> _clusterIPs = [];
    private readonly Dictionary<IPAddress, int> _endpoints = [];
    private readonly Dictionary<ServiceChain, int> _entries = [];
    private readonly Dictionary<BalanceChain, int> _balances = [];
    private readonly Dictionary<SessionChain, int> _sessions = [];
    private readonly ServiceProxyConfig _config;
    private readonly ImmutableArray<TableElement> _fixed;

    /// <param name="config">What the node is told besides Services; what Services become depends on it, so another one makes another table.</param>
    /// <param name="serviceCidrs">Where Services' addresses are from, of any family; empty where that is not known.</param>
    public ServiceTable(IPFamily family, ServiceProxyConfig config, IEnumerable<IPNetwork> serviceCidrs)
    {
        Family = family;
        _config = config;
        _fixed = FixedElements(serviceCidrs);
    }

    public IPFamily Family { get; }

    /// <summary>Whether what does not come from Services is the same.</summary>
    public bool HasSameFixedPart(ServiceTable other) => _config == other._config && _fixed.SequenceEqual(other._fixed);

    /// <summary>The element that is wanted for a key; null where none is.</summary>
    public TableElement? Find(ElementKey key)
    {
        switch (key.Set)
        {
            case ServiceSet.Transports or ServiceSet.ServiceCidrs or ServiceSet.NodePortIPs:
                return First(_fixed);
            case ServiceSet.ClusterIPs:
                return _clusterIPs.ContainsKey(key.Address!) ? TableElement.ClusterIP(key.Address!) : null;
            case ServiceSet.Hairpin:
                return _endpoints.ContainsKey(key.Address!) ? TableElement.Hairpin(key.Address!) : null;
            default:
                return At(new FrontendAddress(key.Address, key.Protocol, key.Port)) is { } frontend ? First(TableElement.Of(frontend)) : null;
        }

        TableElement? First(IEnumerable<TableElement> elements)
        {
            foreach (var element in elements)
            {
                if (element.Key == key)
                    return element;
            }
            return null;
        }
    }

    /// <summary>All chains, with their rules.</summary>
    public IEnumerable<TableChain> Chains =>
    [
        .. FixedChains.For(Family, _config),
        .. _sessions.Keys.Select(chain => chain.Rules(Family, _config)),
        .. _balances.Keys.Select(chain => chain.Rules()),
        .. _entries.Keys.Select(chain => chain.Rules(Family, _config)),
    ];

    /// <summary>All elements but those that the kernel adds itself, set by set.</summary>
    public IEnumerable<TableElement> Elements => ServiceSets.All.SelectMany(set => ElementsOf(set.Id));

    /// <summary>Those of one set.</summary>
    public IEnumerable<TableElement> ElementsOf(ServiceSet set) => set switch
    {
        ServiceSet.Transports or ServiceSet.ServiceCidrs or ServiceSet.NodePortIPs => _fixed.Where(element => element.Key.Set == set),
        ServiceSet.ClusterIPs => _clusterIPs.Keys.Select(TableElement.ClusterIP),
        ServiceSet.Hairpin => _endpoints.Keys.Select(TableElement.Hairpin),
        _ => _claims.Values.SelectMany(claims => TableElement.Of(claims[0], set)),
    };

    /// <summary>The frontends of a Service that are in force.</summary>
    public IEnumerable<Frontend> FrontendsOf(ObjectName service) =>
        _services.GetValueOrDefault(service, []).Where(frontend => ReferenceEquals(_claims[frontend.At][0], frontend));

    public IEnumerable<ObjectName> Services => _services.Keys;

    /// <summary>What becomes of connections to an address; null where none is known.</summary>
    public Frontend? At(FrontendAddress address) => _claims.TryGetValue(address, out var claims) ? claims[0] : null;

    /// <summary>Whether a client may stay with an endpoint.</summary>
    /// <param name="service">The cluster IP, and its port, under which the session is kept.</param>
    /// <param name="isLocal">A client that must stay on this node.</param>
    public bool KeepsSession(FrontendAddress service, ElementData endpoint, bool isLocal) =>
        At(service) is { } own
        && FrontendsOf(own.Owner.Service).Any(one => (one.Session?.Service ?? one.At) == service && one.KeepsSession(endpoint, isLocal));

    /// <summary>Replaces the share of a Service; nothing, to take it away.</summary>
    /// <param name="change">Gets what becomes another by it; null where nobody wants to know, since all of it is new.</param>
    public void Put(ObjectName service, IEnumerable<ServicePortIntent> ports, TableChange? change)
    {
        var before = _services.GetValueOrDefault(service, []);
        var now = FrontendsOf(ports);
        if (before.SequenceEqual(now))
            return;
        if (now.IsEmpty)
            _services.Remove(service);
        else
            _services[service] = now;
        foreach (var frontend in now)
            Claim(frontend.At, before.IsEmpty ? null : before.FirstOrDefault(one => one.At == frontend.At), frontend, change);
        foreach (var frontend in before)
        {
            if (!now.Any(one => one.At == frontend.At))
                Claim(frontend.At, frontend, null, change);
        }
        // What comes is counted before what goes: what stays is then never gone.
        Share(now, +1, change);
        Share(before, -1, change);
    }

    /// <summary>An address stands once in a Service, also where an external IP is named twice.</summary>
    private ImmutableArray<Frontend> FrontendsOf(IEnumerable<ServicePortIntent> ports)
    {
        var frontends = ImmutableArray.CreateBuilder<Frontend>();
        foreach (var port in ports)
        {
            foreach (var frontend in Frontend.Of(port, _config))
            {
                if (!frontends.Any(one => one.At == frontend.At))
                    frontends.Add(frontend);
            }
        }
        return frontends.DrainToImmutable();
    }

    private void Claim(FrontendAddress at, Frontend? before, Frontend? now, TableChange? change)
    {
        var claims = _claims.GetValueOrDefault(at, []);
        var holder = claims.IsEmpty ? null : claims[0];
        if (before is not null)
            claims = claims.Remove(before);
        if (now is not null)
            claims = claims.IsEmpty ? [now] : claims.Add(now).Sort(static (a, b) => a.Owner.CompareTo(b.Owner));
        if (claims.IsEmpty)
            _claims.Remove(at);
        else
            _claims[at] = claims;
        var heir = claims.IsEmpty ? null : claims[0];
        if (Equals(holder, heir))
            return;
        // New chains before old ones: one that both have stays.
        Use(heir, +1, change);
        Use(holder, -1, change);
        change?.Replace(holder, heir);
    }

    private void Share(ImmutableArray<Frontend> frontends, int by, TableChange? change)
    {
        foreach (var frontend in frontends)
        {
            if (frontend.IsClusterIP && Refer(_clusterIPs, frontend.At.Address!, by))
                change?.Switch(TableElement.ClusterIP(frontend.At.Address!), by > 0);
            foreach (var endpoint in frontend.Endpoints)
                ShareHairpin(frontend, endpoint, by, change);
            foreach (var endpoint in frontend.LocalEndpoints)
                ShareHairpin(frontend, endpoint, by, change);
        }
    }

    /// <summary>
    /// Pods of other nodes are translated there. Only by a node port of policy Local can they come here and keep their address.
    /// </summary>
    private void ShareHairpin(Frontend frontend, ServiceEndpoint endpoint, int by, TableChange? change)
    {
        if (endpoint.IsElsewhere && frontend.Chain?.Role != ChainRole.LocalNodePort)
            return;
        if (Refer(_endpoints, endpoint.Address, by))
            change?.Switch(TableElement.Hairpin(endpoint.Address), by > 0);
    }

    private void Use(Frontend? frontend, int by, TableChange? change)
    {
        if (frontend?.Chain is not { } chain)
            return;
        if (frontend.Session is { } session && Refer(_sessions, session, by))
        {
            if (session.ForUnbound is { } unbound && Refer(_sessions, unbound, by))
                change?.Switch(unbound.Rules(Family, _config), by > 0);
            change?.Switch(session.Rules(Family, _config), by > 0);
        }
        if (!Refer(_entries, chain, by))
            return;
        foreach (var balance in chain.Balances)
        {
            if (Refer(_balances, balance, by))
                change?.Switch(balance.Rules(), by > 0);
        }
        change?.Switch(chain.Rules(Family, _config), by > 0);
    }

    /// <returns>Whether it is there now and was not, or the other way round.</returns>
    private static bool Refer<T>(Dictionary<T, int> counts, T key, int by)
        where T : notnull
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _);
        count += by;
        if (count == 0)
            return counts.Remove(key);
        return count == 1 && by > 0;
    }

    private ImmutableArray<TableElement> FixedElements(IEnumerable<IPNetwork> serviceCidrs) =>
    [
        .. Enum.GetValues<Protocol>().Select(protocol => new TableElement(new ElementKey(ServiceSet.Transports) { Protocol = protocol }, default)),
        .. Disjoint(serviceCidrs.Where(cidr => cidr.Family() == Family))
            .Select(cidr => new TableElement(new ElementKey(ServiceSet.ServiceCidrs) { Network = cidr }, default)),
        .. _config.NodePortIPs(Family).Select(address => new TableElement(new ElementKey(ServiceSet.NodePortIPs) { Address = address }, default)),
    ];

    private static IEnumerable<IPNetwork> Disjoint(IEnumerable<IPNetwork> networks)
    {
        var all = networks.Distinct().ToList();
        return all.Where(one => !all.Exists(other => other.PrefixLength < one.PrefixLength && other.Contains(one.BaseAddress)));
    }
}
