using Podnet.Cni.Protocol;
using Podnet.Netlink;

namespace Podnet.Cni.Wiring;

/// <summary>
/// Holds a pod to its limits: what it receives where the node's end of its link sends, what it sends where its own end does. Nothing else is on
/// that link, so no other pod is held, and both go with the link.
/// </summary>
internal static class Bandwidth
{
    /// <summary>ETH_HLEN: packets count with their link headers.</summary>
    private const int LinkHeader = 14;

    /// <summary>
    /// A burst of 10 ms where none is asked for, and never less than 1 ms: a timer lets packets go, and what it is late by must not be lost.
    /// Arbitrary.
    /// </summary>
    private const int DefaultBurstsPerSecond = 100;
    private const int LeastBurstsPerSecond = 1000;

    /// <summary>Packets wait for up to 25 ms, as with the reference plugin, but 20 of them can at any rate, or TCP could not use a small one. Arbitrary.</summary>
    private const int QueuesPerSecond = 40;
    private const int LeastQueue = 20;

    public static void Limit(RouteSocket host, PodNamespace pod, Link link, BandwidthLimits limits)
    {
        if (limits.Ingress is { } ingress)
            host.Execute(new RouteRequests().AddTokenBucket(link.Index, BucketFor(ingress, link.Mtu)));
        if (limits.Egress is { } egress)
            pod.Socket.Execute(new RouteRequests().AddTokenBucket(link.PeerIndex, BucketFor(egress, link.Mtu)));
    }

    /// <summary>What is not as <see cref="Limit"/> left it.</summary>
    public static IEnumerable<string> Faults(RouteSocket host, Link hostLink, RouteSocket pod, Link podLink, BandwidthLimits limits) =>
    [
        .. Faults(host, hostLink, limits.Ingress, "receives"),
        .. Faults(pod, podLink, limits.Egress, "sends"),
    ];

    /// <param name="mtu">Bytes.</param>
    public static TokenBucket BucketFor(BandwidthLimit limit, int mtu)
    {
        var rate = (ulong)limit.Rate / BandwidthLimit.BitsOfByte;
        var packet = (ulong)(mtu + LinkHeader); // what is greater than the burst would never go
        var wanted = limit.Burst is { } bits ? (ulong)bits / BandwidthLimit.BitsOfByte : rate / DefaultBurstsPerSecond;
        var burst = Math.Max(wanted, Math.Max(packet, rate / LeastBurstsPerSecond));
        var queue = burst + Math.Max(rate / QueuesPerSecond, LeastQueue * packet);
        return new TokenBucket(rate, (uint)Math.Min(burst, uint.MaxValue), (uint)Math.Min(queue, uint.MaxValue));
    }

    private static IEnumerable<string> Faults(RouteSocket socket, Link link, BandwidthLimit? limit, string verb)
    {
        if (limit is not { } wanted)
            yield break;
        var bucket = BucketFor(wanted, link.Mtu);
        var found = socket.FindTokenBucket(link.Index);
        if (found is null)
            yield return $"nothing limits what the container {verb}: interface {link.Name} has no tbf";
        else if (found.Rate != bucket.Rate || found.Limit != bucket.Limit)
            yield return $"what the container {verb} is limited to {found.Rate} bytes/s with a queue of {found.Limit}, not {bucket.Rate} and {bucket.Limit}";
    }
}
