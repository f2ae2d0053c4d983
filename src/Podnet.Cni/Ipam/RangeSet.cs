using System.Net;

namespace Podnet.Cni.Ipam;

/// <summary>Ranges of one family that together give a pod one address (host-local's "range set").</summary>
/// <param name="Index">Its place in the configuration: N of the file last_reserved_ip.N.</param>
internal sealed record RangeSet(int Index, IReadOnlyList<AddressRange> Ranges)
{
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

    public override string ToString() => string.Join(", ", Ranges.Select(range => range.Subnet.ToString()).Distinct());

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
}
