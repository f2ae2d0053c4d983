using System.Collections.Immutable;
using System.Net;
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
    private readonly Dictionary<TableElement, int> _shared = [];
    private readonly Dictionary<ServiceChain, int> _entries = [];
    private readonly Dictionary<BalanceChain, int> _balances = [];
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

    /// <summary>All chains, with their rules.</summary>
    public IEnumerable<TableChain> Chains =>
    [
        .. FixedChains.For(Family, _config),
        .. _balances.Keys.Select(chain => chain.Rules()),
        .. _entries.Keys.Select(chain => chain.Rules(Family, _config)),
    ];

    /// <summary>All elements but those that the kernel adds itself.</summary>
    public IEnumerable<TableElement> Elements =>
        _fixed.Concat(_shared.Keys).Concat(_claims.Values.SelectMany(claims => TableElement.Of(claims[0])));

    /// <summary>The frontends of a Service that are in force.</summary>
    public IEnumerable<Frontend> FrontendsOf(ObjectName service) =>
        _services.GetValueOrDefault(service, []).Where(frontend => ReferenceEquals(_claims[frontend.At][0], frontend));

    public IEnumerable<ObjectName> Services => _services.Keys;

    /// <summary>What becomes of connections to an address; null where none is known.</summary>
    public Frontend? At(FrontendAddress address) => _claims.TryGetValue(address, out var claims) ? claims[0] : null;

    /// <summary>Replaces the share of a Service; nothing, to take it away.</summary>
    public void Put(ObjectName service, IEnumerable<ServicePortIntent> ports, TableChange change)
    {
        var before = _services.GetValueOrDefault(service, []);
        ImmutableArray<Frontend> now = [.. ports.SelectMany(port => Frontend.Of(port, _config)).DistinctBy(frontend => frontend.At)];
        if (before.SequenceEqual(now))
            return;
        if (now.IsEmpty)
            _services.Remove(service);
        else
            _services[service] = now;
        foreach (var at in before.Concat(now).Select(frontend => frontend.At).Distinct())
            Claim(at, before, now, change);
        Share(before, now, change);
    }

    private void Claim(FrontendAddress at, ImmutableArray<Frontend> before, ImmutableArray<Frontend> now, TableChange change)
    {
        var (gone, come) = (before.FirstOrDefault(one => one.At == at), now.FirstOrDefault(one => one.At == at));
        var claims = _claims.GetValueOrDefault(at, []);
        var holder = claims.FirstOrDefault();
        if (gone is not null)
            claims = claims.Remove(gone);
        if (come is not null)
            claims = claims.Add(come).Sort(static (a, b) => a.Owner.CompareTo(b.Owner));
        if (claims.IsEmpty)
            _claims.Remove(at);
        else
            _claims[at] = claims;
        var heir = claims.FirstOrDefault();
        if (Equals(holder, heir))
            return;
        // New chains before old ones: one that both have stays.
        if (heir?.Chain is { } next)
            Use(next, +1, change);
        if (holder?.Chain is { } last)
            Use(last, -1, change);
        change.Replace(holder is null ? [] : TableElement.Of(holder), heir is null ? [] : TableElement.Of(heir));
        if (holder?.Session is not null)
            change.Unsettle(holder, heir);
    }

    private void Share(ImmutableArray<Frontend> before, ImmutableArray<Frontend> now, TableChange change)
    {
        HashSet<TableElement> gone = [.. TableElement.SharedOf(before)], come = [.. TableElement.SharedOf(now)];
        foreach (var element in come)
        {
            if (!gone.Remove(element) && Refer(_shared, element, +1))
                change.Replace([], [element]);
        }
        foreach (var element in gone)
        {
            if (Refer(_shared, element, -1))
                change.Replace([element], []);
        }
    }

    private void Use(ServiceChain chain, int by, TableChange change)
    {
        foreach (var balance in chain.Balances)
        {
            if (Refer(_balances, balance, by))
                change.Chain(balance.Name, by > 0 ? balance.Rules() : null);
        }
        if (Refer(_entries, chain, by))
            change.Chain(chain.Name, by > 0 ? chain.Rules(Family, _config) : null);
    }

    /// <returns>Whether it is there now and was not, or the other way round.</returns>
    private static bool Refer<T>(Dictionary<T, int> counts, T key, int by)
        where T : notnull
    {
        var count = counts.GetValueOrDefault(key) + by;
        if (count == 0)
            return counts.Remove(key);
        counts[key] = count;
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
