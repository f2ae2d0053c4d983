using static Podnet.Netlink.QueueWire;

namespace Podnet.Netlink;

/// <content>Queueing disciplines.</content>
public sealed partial class RouteRequests
{
    /// <summary>
    /// Holds what a link sends to a rate. Errors: EEXIST where it has a discipline that somebody gave it; ENOENT where the kernel has no tbf
    /// (CONFIG_NET_SCH_TBF).
    /// </summary>
    public RouteRequests AddTokenBucket(int index, TokenBucket bucket)
    {
        var writer = Batch.Begin(QueueWire.New, New);
        writer.PutFixed(new QueueHeader { Index = index, Parent = QueueHeader.Root });
        Put(ref writer, bucket);
        Batch.End(writer, $"limit what interface {index} sends to {bucket.Rate} bytes/s");
        return this;
    }
}
