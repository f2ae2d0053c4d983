using System.Net;
using Podnet.Cni.Protocol;

namespace Podnet.Cni.Ipam;

/// <summary>
/// The range sets of a configuration, in host-local's words: "ipam.ranges", a list of sets that are each a list of {"subnet",
/// "rangeStart", "rangeEnd", "gateway"}, or the same keys in "ipam" itself; and "exclude", a list of networks and addresses that
/// no pod gets.
/// </summary>
internal sealed class RangeReader
{
    /// <summary>Arbitrary: far more than the pod CIDRs of any node; overlaps are looked for pair by pair.</summary>
    private const int MaxRanges = 256;

    private static readonly string[] RangeKeys = ["subnet", "rangeStart", "rangeEnd", "gateway", "exclude"];
    private static readonly string[] IpamKeys = [.. RangeKeys, "type", "ranges", "routes", "dataDir"];

    private readonly List<RangeSet> _sets = [];
    private readonly List<AddressRange> _all = [];

    private RangeReader()
    {
    }

    /// <summary>Those of the capability "ipRanges" before those of the configuration, as host-local has them. Null where neither has any.</summary>
    public static IReadOnlyList<RangeSet>? Read(ConfigValue root)
    {
        var reader = new RangeReader();
        var ipam = root.Find("ipam");
        if (ipam is { } value)
            CheckIpam(value);
        if (root.Find("runtimeConfig")?.Find("ipRanges") is { IsEmpty: false } wanted)
            reader.AddSets(wanted);
        if (ipam?.Find("subnet") is not null)
            reader.AddSet(ipam.Value, [ipam.Value]);
        if (ipam?.Find("ranges") is { } ranges)
            reader.AddSets(ranges);
        return reader._sets.Count > 0 ? reader._sets : null;
    }

    /// <summary>One set of each family.</summary>
    public static IReadOnlyList<RangeSet> Of(PodNetworkFile podNetwork)
    {
        var reader = new RangeReader();
        foreach (var family in podNetwork.PodCidrs.GroupBy(cidr => cidr.AsNetwork().BaseAddress.AddressFamily))
            reader.Put(family.First(), family.Select(WholeSubnet));
        return reader._sets;
    }

    private static void CheckIpam(ConfigValue ipam)
    {
        if (ipam.Find("type") is { } type && type.AsString() != "host-local")
            throw type.Unsupported();
        foreach (var key in ipam.Keys())
        {
            if (!IpamKeys.Contains(key))
                throw ipam.Get(key).Unsupported();
        }

        // Every pod has a default route of each family that it has an address of, and needs no other.
        foreach (var route in ipam.Find("routes")?.Items() ?? [])
        {
            if (route.Get("dst").AsNetwork().PrefixLength != 0 || route.Find("gw") is not null)
                throw route.Unsupported();
        }
    }

    private void AddSets(ConfigValue sets)
    {
        var before = _sets.Count;
        foreach (var set in sets.Items())
            AddSet(set, set.Items());
        if (_sets.Count == before)
            throw sets.Invalid("has no range set");
    }

    private void AddSet(ConfigValue where, IEnumerable<ConfigValue> ranges) => Put(where, ranges.SelectMany(item =>
    {
        if (item.Path != "ipam")
            RefuseUnknownKeys(item);
        return ReadRange(item);
    }));

    private void Put(ConfigValue where, IEnumerable<AddressRange> ranges)
    {
        var set = new List<AddressRange>();
        foreach (var range in ranges)
        {
            if (_all.Count == MaxRanges)
                throw where.Invalid($"has more than {MaxRanges} ranges");
            if (_all.Find(other => other.Overlaps(range)) is { } other)
                throw where.Invalid($"has overlapping ranges, in {other.Subnet} and in {range.Subnet}");
            if (set.Count > 0 && set[0].Subnet.BaseAddress.AddressFamily != range.Subnet.BaseAddress.AddressFamily)
                throw where.Invalid("mixes IPv4 and IPv6 in one set");
            set.Add(range);
            _all.Add(range);
        }

        _sets.Add(set.Count > 0 ? new RangeSet(_sets.Count, set) : throw where.Invalid("has no range"));
    }

    private static void RefuseUnknownKeys(ConfigValue item)
    {
        foreach (var key in item.Keys())
        {
            if (!RangeKeys.Contains(key))
                throw item.Get(key).Unsupported();
        }
    }

    private static IReadOnlyList<AddressRange> ReadRange(ConfigValue item)
    {
        var whole = WholeSubnet(item.Get("subnet"));
        var range = whole with
        {
            First = item.Find("rangeStart") is { } start ? NumberIn(start, whole) : whole.First,
            Last = item.Find("rangeEnd") is { } end ? NumberIn(end, whole) : whole.Last,
        };
        if (range.First > range.Last)
            throw item.Get("rangeStart").Invalid("is behind rangeEnd");
        var left = new List<AddressRange> { range };
        if (item.Find("gateway") is { } gateway)
            Exclude(left, NetworkOf(gateway));
        foreach (var excluded in item.Find("exclude")?.Items() ?? [])
        {
            if (left.Count > MaxRanges)
                throw item.Invalid($"has more than {MaxRanges} ranges");
            Exclude(left, excluded.AsString().Contains('/') ? excluded.AsNetwork() : NetworkOf(excluded));
        }

        return left.Count > 0 ? left : throw item.Invalid("excludes every address");
    }

    private static void Exclude(List<AddressRange> ranges, IPNetwork network)
    {
        var (first, last) = AddressRange.EndsOf(network);
        List<AddressRange> left = [.. ranges.SelectMany(range => range.Without(first, last))];
        ranges.Clear();
        ranges.AddRange(left);
    }

    private static AddressRange WholeSubnet(ConfigValue subnet)
    {
        var network = subnet.AsNetwork();
        var range = AddressRange.Of(network)
            ?? throw subnet.Invalid("is too small: it has no address but its network and broadcast address");
        if (!AddressNumber.IsIPv4(network.BaseAddress) && range.First <= AddressNumber.LastIPv4 && range.Last >= AddressNumber.FirstIPv4)
            throw subnet.Invalid("holds IPv4 addresses written as IPv6");
        return range;
    }

    private static UInt128 NumberIn(ConfigValue address, AddressRange range)
    {
        var value = address.AsAddress();
        var number = AddressNumber.Of(value);
        return value.AddressFamily == range.Subnet.BaseAddress.AddressFamily && range.Contains(number)
            ? number
            : throw address.Invalid($"is no address that a pod may have in {range.Subnet}");
    }

    private static IPNetwork NetworkOf(ConfigValue value)
    {
        var address = value.AsAddress();
        return new IPNetwork(address, AddressNumber.IsIPv4(address) ? 32 : 128);
    }
}
