using System.Collections.Concurrent;
using Podnet.Core.Model;

namespace Podnet.Core.Dns;

/// <summary>
/// The names of a cluster and the answers for each, made when something changes and not when somebody asks. One writer, any number of
/// readers, none of which waits: each sees a name as it was or as it is.
/// </summary>
/// <remarks>A change touches the names of the Service that changed, and costs what they are, however many Services there are.</remarks>
public sealed class Zone
{
    /// <summary>Seconds that a client may remember an answer: CoreDNS' default (plugin/kubernetes, "ttl").</summary>
    public const uint Ttl = 5;

    /// <summary>Of the specification, 2.2.</summary>
    private const string SchemaVersion = "1.1.0";

    private readonly ConcurrentDictionary<DnsName, RecordSet[]> _answers = new(DnsNameComparer.Instance);
    private readonly ConcurrentDictionary<DnsName, RecordSet[]>.AlternateLookup<ReadOnlySpan<byte>> _byBytes;
    private readonly Dictionary<DnsName, Node> _nodes = new(DnsNameComparer.Instance);
    private readonly Dictionary<ObjectName, Dictionary<DnsName, HashSet<RecordData>>> _records = [];
    private readonly Dictionary<ObjectName, NamedService> _services = [];
    private readonly Dictionary<ObjectName, Dictionary<ObjectName, NamedEndpoints>> _endpoints = [];

    /// <param name="domain">The cluster domain: "cluster.local".</param>
    public Zone(DnsName domain)
    {
        Domain = domain;
        _byBytes = _answers.GetAlternateLookup<ReadOnlySpan<byte>>();
        // Nobody copies the zone from here, so its serial number and times are of no effect; the last one is for how long "no" may be remembered.
        Authority = RecordData.Soa(domain.Below("ns", "dns"), domain.Below("hostmaster"), 1, 7200, 1800, 86400, Ttl);
        Records(new("", ""), new(DnsNameComparer.Instance)
        {
            [domain] = [Authority],
            [domain.Below("svc")] = [],
            [PodDomain = domain.Below("pod")] = [],
            [domain.Below("dns-version")] = [RecordData.Txt(SchemaVersion)], // 2.2
        });
    }

    /// <summary>Bytes of the longest cluster domain for which all names of all Services have room: hostname, Service, namespace, "svc".</summary>
    public const int LongestDomain = DnsName.Longest - (3 * (DnsName.LongestLabel + 1)) - 4;

    public DnsName Domain { get; }

    /// <summary>What "no" is answered with (RFC 2308, 3).</summary>
    internal RecordData Authority { get; }

    /// <summary>Below it, names that say their address: 2.6.</summary>
    internal DnsName PodDomain { get; }

    /// <summary>Names that have records, or others below them.</summary>
    public int Count => _answers.Count;

    /// <summary>The records of a name; none for a name that has others below it; null where there is no such name.</summary>
    /// <param name="name">In lower case.</param>
    public RecordSet[]? Find(ReadOnlySpan<byte> name) => _byBytes.TryGetValue(name, out var sets) ? sets : null;

    /// <param name="service">Null where it is gone.</param>
    public void Put(ObjectName name, NamedService? service)
    {
        if (service is null)
            _services.Remove(name);
        else
            _services[name] = service;
        Renew(name);
    }

    /// <param name="before">As it was put last; null where it is new.</param>
    /// <param name="now">Null where it is gone.</param>
    public void Put(NamedEndpoints? before, NamedEndpoints? now)
    {
        if (before is not null && _endpoints.TryGetValue(before.ServiceName, out var slices) && slices.Remove(before.Name))
        {
            if (slices.Count == 0)
                _endpoints.Remove(before.ServiceName);
            if (before.ServiceName != now?.ServiceName)
                Renew(before.ServiceName);
        }
        if (now is null)
            return;
        if (!_endpoints.TryGetValue(now.ServiceName, out var others))
            _endpoints[now.ServiceName] = others = [];
        others[now.Name] = now;
        Renew(now.ServiceName);
    }

    /// <summary>A namespace is a name, also where nothing is in it.</summary>
    public void PutNamespace(string name, bool isThere) => Records(
        new("", name),
        isThere ? new(DnsNameComparer.Instance) { [Domain.Below(name, "svc")] = [], [PodDomain.Below(name)] = [] } : new(DnsNameComparer.Instance));

    private void Renew(ObjectName service) => Records(
        service,
        _services.TryGetValue(service, out var there) ? ServiceRecords.Of(Domain, there, SlicesOf(service)) : new(DnsNameComparer.Instance));

    private IEnumerable<NamedEndpoints> SlicesOf(ObjectName service) => _endpoints.TryGetValue(service, out var slices) ? slices.Values : [];

    /// <summary>Puts an object's records in the place of those it had.</summary>
    private void Records(ObjectName owner, Dictionary<DnsName, HashSet<RecordData>> now)
    {
        var before = _records.GetValueOrDefault(owner) ?? [];
        List<DnsName> changed = [];
        foreach (var (name, records) in now)
        {
            if (before.TryGetValue(name, out var had) && had.SetEquals(records))
                continue;
            NodeOf(name).Sources[owner] = records;
            changed.Add(name);
        }
        foreach (var name in before.Keys.Where(name => !now.ContainsKey(name)))
        {
            _nodes[name].Sources.Remove(owner);
            changed.Add(name);
        }
        if (now.Count == 0)
            _records.Remove(owner);
        else
            _records[owner] = now;
        if (changed.Count == 0)
            return;
        // SRV answers carry addresses of other names of the same Service, which may have changed where they did not.
        changed.AddRange(now.Where(each => each.Value.Any(record => record.Type == RecordType.Srv)).Select(each => each.Key));
        foreach (var name in changed.Distinct(DnsNameComparer.Instance))
            Publish(name);
    }

    private void Publish(DnsName name)
    {
        if (!_nodes.TryGetValue(name, out var node))
            return;
        if (node.Sources.Count > 0 || node.Children > 0)
        {
            var records = node.Sources.Values.SelectMany(each => each).Distinct().Order();
            _answers[name] = [.. records.GroupBy(record => record.Type).Select(type =>
                RecordSet.Build([.. type], Ttl, name.Wire.Length, AddressesOf))];
            return;
        }
        _nodes.Remove(name);
        _answers.TryRemove(name, out _);
        if (name.Parent is { } parent && Domain.Holds(parent.Wire) && --_nodes[parent].Children == 0)
            Publish(parent);
    }

    private RecordData[] AddressesOf(DnsName name) => _nodes.TryGetValue(name, out var node)
        ? [.. node.Sources.Values.SelectMany(each => each).Where(record => record.Type is RecordType.A or RecordType.Aaaa).Distinct().Order()]
        : [];

    /// <summary>Makes it, and those above it up to the cluster domain, where it is not there: a name above another is there, too (RFC 8020).</summary>
    private Node NodeOf(DnsName name)
    {
        if (_nodes.TryGetValue(name, out var node))
            return node;
        _nodes[name] = node = new Node();
        if (name.Parent is { } parent && Domain.Holds(parent.Wire))
        {
            NodeOf(parent).Children++;
            _answers.TryAdd(parent, []);
        }
        return node;
    }

    private sealed class Node
    {
        /// <summary>Several objects may have records of one name: an address that is an endpoint of two Services has two names.</summary>
        public Dictionary<ObjectName, HashSet<RecordData>> Sources { get; } = [];

        /// <summary>How many names are right below it.</summary>
        public int Children { get; set; }
    }
}
