using System.Collections.Immutable;

namespace Podnet.Core.Model;

/// <summary>EndpointSlices by the Service that they belong to, so that one Service's are found without a look at any other's.</summary>
public static class EndpointSliceIndex
{
    public static readonly ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> Empty =
        ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>>.Empty;

    public static ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> Of(params IEnumerable<EndpointSlice> slices) =>
        slices.Aggregate(Empty, (index, slice) => index.With(slice));

    /// <summary>Put in, or in place of the slice of its name that belongs to the same Service.</summary>
    public static ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> With(
        this ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> index, EndpointSlice slice)
    {
        var slices = index.GetValueOrDefault(slice.ServiceName, []);
        var (place, found) = Find(slices, slice.Name);
        return index.SetItem(slice.ServiceName, found ? slices.SetItem(place, slice) : slices.Insert(place, slice));
    }

    /// <summary>The same index where the Service has no slice of this name.</summary>
    public static ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> Without(
        this ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> index, ObjectName service, ObjectName slice)
    {
        var slices = index.GetValueOrDefault(service, []);
        var (place, found) = Find(slices, slice);
        if (!found)
            return index;
        return slices.Length == 1 ? index.Remove(service) : index.SetItem(service, slices.RemoveAt(place));
    }

    /// <summary>Where it is or, if it is not there, belongs. A Service has a handful of slices: nothing to search by halves.</summary>
    private static (int Place, bool Found) Find(ImmutableArray<EndpointSlice> slices, ObjectName name)
    {
        for (var i = 0; i < slices.Length; i++)
        {
            var order = slices[i].Name.CompareTo(name);
            if (order >= 0)
                return (i, order == 0);
        }

        return (slices.Length, false);
    }
}
