using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>What is true of networks as sets of addresses.</summary>
internal static class Networks
{
    /// <summary>IPv4 before IPv6, then by address, then the larger network first.</summary>
    internal static readonly IComparer<IPNetwork> ByAddress = Comparer<IPNetwork>.Create((a, b) =>
    {
        var byAddress = Compare(a.BaseAddress, b.BaseAddress);
        return byAddress != 0 ? byAddress : a.PrefixLength.CompareTo(b.PrefixLength);
    });

    internal static readonly IComparer<IPAddress> ByBytes = Comparer<IPAddress>.Create(Compare);

    /// <summary>Of two networks that have an address in common, one holds the other.</summary>
    internal static bool Overlap(IPNetwork a, IPNetwork b) =>
        a.Family() == b.Family() && (a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress));

    /// <summary>The same addresses without any of them twice: no network of the result holds another.</summary>
    internal static ImmutableArray<IPNetwork> Disjoint(IEnumerable<IPNetwork> networks)
    {
        var kept = new List<IPNetwork>();
        foreach (var network in networks.OrderBy(network => network, ByAddress))
        {
            // In this order, one that holds this network came before it, and right before it but for others that it holds.
            if (kept.Count == 0 || !Overlap(kept[^1], network))
                kept.Add(network);
        }

        return [.. kept];
    }

    private static int Compare(IPAddress a, IPAddress b)
    {
        var byFamily = a.Family().CompareTo(b.Family());
        return byFamily != 0 ? byFamily : a.GetAddressBytes().AsSpan().SequenceCompareTo(b.GetAddressBytes());
    }
}
