using System.Net;
using Podnet.Cni.Protocol;

namespace Podnet.Cni.Ipam;

/// <summary>Ranges of one family that together give a pod one address (host-local's "range set").</summary>
/// <param name="Index">Its place in the configuration: N of the file last_reserved_ip.N.</param>
internal sealed record RangeSet(int Index, IReadOnlyList<AddressRange> Ranges)
{
    /// <summary>Arbitrary: far more than the pod CIDRs of any node; overlaps are looked for pair by pair.</summary>
    private const int MaxRanges = 256;

    /// <summary>Reads "ipam.ranges": a list of sets, each a list of {"subnet": …}.</summary>
    public static IReadOnlyList<RangeSet> ReadAll(ConfigValue value)
    {
        var sets = new List<RangeSet>();
        var all = new List<AddressRange>();
        foreach (var set in value.Items())
        {
            var ranges = new List<AddressRange>();
            foreach (var item in set.Items())
            {
                var range = ReadRange(item);
                if (all.Count == MaxRanges)
                    throw new CniException(CniErrorCode.InvalidConfig, $"{value.Path} has more than {MaxRanges} ranges");
                if (all.Find(other => other.Overlaps(range)) is { } other)
                    throw item.Invalid($"overlaps with {other.Subnet}");
                if (ranges.Count > 0 && !SameFamily(ranges[0], range))
                    throw set.Invalid("mixes IPv4 and IPv6 in one set");
                ranges.Add(range);
                all.Add(range);
            }

            if (ranges.Count == 0)
                throw set.Invalid("has no range");
            sets.Add(new RangeSet(sets.Count, ranges));
        }

        return sets.Count > 0 ? sets : throw value.Invalid("has no range set");
    }

    public bool Contains(IPAddress address) => Contains(AddressNumber.Of(address));

    /// <summary>
    /// The next free address behind the last one given, around the end and back: an address that was freed rests for as long
    /// as possible. Null if all are taken.
    /// </summary>
    public IPAddress? NextFree(IPAddress? last, IReadOnlySet<UInt128> taken)
    {
        var start = FirstAfter(last is null ? null : AddressNumber.Of(last));
        var (range, number) = start;
        do
        {
            if (!taken.Contains(number))
                return AddressNumber.ToAddress(number);
            (range, number) = Step(range, number);
        }
        while ((range, number) != start);
        return null;
    }

    public override string ToString() => string.Join(", ", Ranges.Select(range => range.Subnet.ToString()));

    private bool Contains(UInt128 number) => Ranges.Any(range => range.Contains(number));

    private (int Range, UInt128 Number) FirstAfter(UInt128? last)
    {
        for (var i = 0; last is { } number && i < Ranges.Count; i++)
        {
            if (Ranges[i].Contains(number))
                return Step(i, number);
        }

        return (0, Ranges[0].First);
    }

    private (int Range, UInt128 Number) Step(int range, UInt128 number)
    {
        if (number < Ranges[range].Last)
            return (range, number + 1);
        var next = (range + 1) % Ranges.Count;
        return (next, Ranges[next].First);
    }

    private static AddressRange ReadRange(ConfigValue item)
    {
        foreach (var key in item.Keys())
        {
            if (key != "subnet")
                throw item.Get(key).Unsupported();
        }

        var subnet = item.Get("subnet");
        var network = subnet.AsNetwork();
        var range = AddressRange.Of(network)
            ?? throw subnet.Invalid("is too small: it has no address but its network and broadcast address");
        if (!AddressNumber.IsIPv4(network.BaseAddress) && range.First <= AddressNumber.LastIPv4 && range.Last >= AddressNumber.FirstIPv4)
            throw subnet.Invalid("holds IPv4 addresses written as IPv6");
        return range;
    }

    private static bool SameFamily(AddressRange a, AddressRange b) =>
        a.Subnet.BaseAddress.AddressFamily == b.Subnet.BaseAddress.AddressFamily;
}
