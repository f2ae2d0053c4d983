using static Podnet.Netlink.QueueWire;

namespace Podnet.Netlink;

/// <content>Queueing disciplines and filters.</content>
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

    /// <summary>Gives a link places for filters (clsact). Errors: EEXIST where it has them, or an ingress discipline in their place.</summary>
    public RouteRequests AddHooks(int index)
    {
        var writer = Batch.Begin(QueueWire.New, New);
        writer.PutFixed(new QueueHeader { Index = index, Handle = QueueHeader.HooksHandle, Parent = QueueHeader.HooksParent });
        PutHooks(ref writer);
        Batch.End(writer, $"add clsact to interface {index}");
        return this;
    }

    /// <summary>Takes the places for filters from a link, with all filters in them. Errors: EINVAL or ENOENT where it has none.</summary>
    public RouteRequests DeleteHooks(int index)
    {
        var writer = Batch.Begin(QueueWire.Delete, NetlinkFlags.Ack);
        writer.PutFixed(new QueueHeader { Index = index, Handle = QueueHeader.HooksHandle, Parent = QueueHeader.HooksParent });
        Batch.End(writer, $"delete clsact from interface {index}");
        return this;
    }

    /// <summary>
    /// Runs a program on what comes in by a link, in the place of the one that is there with this priority. Errors: EINVAL where the link
    /// has no places for filters; ENOENT where the kernel has no bpf filters (CONFIG_NET_CLS_BPF).
    /// </summary>
    public RouteRequests ReplaceProgram(int index, PacketProgram program)
    {
        // Without NLM_F_EXCL, which is all that keeps the kernel from replacing.
        var writer = Batch.Begin(NewFilter, NetlinkFlags.Ack | NetlinkFlags.Create);
        writer.PutFixed(new QueueHeader { Index = index, Handle = 1, Parent = QueueHeader.Ingress, Info = QueueHeader.InfoOf(program.Priority) });
        Put(ref writer, program);
        Batch.End(writer, $"run BPF program {program.Name} on what comes in by interface {index}");
        return this;
    }

    /// <summary>Errors: ENOENT where it is not there.</summary>
    public RouteRequests DeleteProgram(AttachedProgram program)
    {
        var writer = Batch.Begin(DeleteFilter, NetlinkFlags.Ack);
        writer.PutFixed(new QueueHeader { Index = program.Device, Handle = program.Handle, Parent = QueueHeader.Ingress, Info = QueueHeader.InfoOf(program.Priority) });
        Batch.End(writer, $"delete BPF program {program.Name} from interface {program.Device}");
        return this;
    }
}
