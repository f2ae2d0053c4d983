using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>
/// Queueing disciplines and filters (linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h), of which tbf, clsact and bpf are known here. Numbers
/// are in host byte order, but for a filter's protocol.
/// </summary>
/// <remarks>
/// <code>
/// RTM_NEWQDISC:    struct tcmsg  Kind "tbf"  Options { Parameters struct tc_tbf_qopt  [Rate64 u64]  Burst u32 }
///                  struct tcmsg  Kind "clsact"
/// RTM_NEWTFILTER:  struct tcmsg  Kind "bpf"  Options { Descriptor u32  Name text  Flags u32 }      in answers also { Id u32 }
/// </code>
/// </remarks>
internal static class QueueWire
{
    // RTM_*
    internal const ushort New = 36;
    internal const ushort Delete = 37;
    internal const ushort Get = 38;
    internal const ushort NewFilter = 44;
    internal const ushort DeleteFilter = 45;
    internal const ushort GetFilter = 46;

    private const string TokenBucketKind = "tbf";
    private const string HooksKind = "clsact";
    private const string ProgramKind = "bpf";

    // TCA_*
    private const int Kind = 1;
    private const int Options = 2;

    // TCA_TBF_*
    private const int Parameters = 1;
    private const int Rate64 = 4;
    private const int Burst = 6;

    // TCA_BPF_*
    private const int Descriptor = 6;
    private const int Name = 7;
    private const int ProgramFlags = 8;
    private const int Id = 11;

    /// <summary>TCA_BPF_FLAG_ACT_DIRECT: the program's result says what becomes of the packet.</summary>
    private const uint Direct = 1;

    /// <summary>TC_LINKLAYER_ETHERNET. Without it the kernel wants a table of times by packet size, as before Linux 3.8.</summary>
    private const byte Ethernet = 1;

    /// <summary>PSCHED_SHIFT (net/pkt_sched.h): a tick is 64 ns.</summary>
    private const ulong NanosecondsPerTick = 64;

    private const ulong NanosecondsPerSecond = 1_000_000_000;

    internal static void Put(ref NetlinkWriter writer, TokenBucket bucket)
    {
        writer.PutText(Kind, TokenBucketKind);
        var options = writer.BeginNested(Options);
        writer.PutFixedAttribute(Parameters, new TokenBucketParameters
        {
            Rate = new RateHeader { LinkLayer = Ethernet, Rate = (uint)Math.Min(bucket.Rate, uint.MaxValue) },
            Limit = bucket.Limit,
        });
        if (bucket.Rate >= uint.MaxValue)
            writer.PutFixedAttribute(Rate64, bucket.Rate);
        writer.PutU32(Burst, bucket.Burst);
        writer.EndNested(options);
    }

    internal static void PutHooks(ref NetlinkWriter writer) => writer.PutText(Kind, HooksKind);

    internal static void Put(ref NetlinkWriter writer, PacketProgram program)
    {
        writer.PutText(Kind, ProgramKind);
        var options = writer.BeginPlainNested(Options);
        writer.PutU32(Descriptor, (uint)program.Descriptor);
        writer.PutText(Name, program.Name);
        writer.PutU32(ProgramFlags, Direct);
        writer.EndNested(options);
    }

    internal static LinkQueue ReadQueue(NetlinkMessage message)
    {
        var header = message.Fixed<QueueHeader>();
        var kind = "";
        var attributes = message.AttributesAfter<QueueHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type == Kind)
                kind = attributes.Text;
        }

        return new LinkQueue(header.Index, header.Parent == QueueHeader.Root, kind);
    }

    /// <summary>Null for a filter of another kind, and for what is listed of a kind beside its filters.</summary>
    internal static AttachedProgram? ReadProgram(NetlinkMessage message)
    {
        var header = message.Fixed<QueueHeader>();
        var kind = "";
        AttachedProgram? program = null;
        var attributes = message.AttributesAfter<QueueHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type == Kind)
                kind = attributes.Text;
            else if (attributes.Type == Options && kind == ProgramKind && header.Handle != 0)
                program = ReadProgram(attributes.Nested, header);
        }

        return program;
    }

    private static AttachedProgram ReadProgram(AttributeReader options, QueueHeader header)
    {
        var program = new AttachedProgram(header.Index, header.Handle, (ushort)(header.Info >> 16));
        while (options.MoveNext())
        {
            program = options.Type switch
            {
                Name => program with { Name = options.Text },
                Id => program with { ProgramId = options.U32 },
                _ => program,
            };
        }

        return program;
    }

    internal static bool IsRootOf(NetlinkMessage message, int device) =>
        message.Fixed<QueueHeader>() is var header && header.Index == device && header.Parent == QueueHeader.Root;

    /// <summary>Null for any other discipline.</summary>
    internal static TokenBucket? Read(NetlinkMessage message)
    {
        var kind = "";
        TokenBucket? bucket = null;
        var attributes = message.AttributesAfter<QueueHeader>();
        while (attributes.MoveNext())
        {
            if (attributes.Type == Kind)
                kind = attributes.Text;
            else if (attributes.Type == Options && kind == TokenBucketKind)
                bucket = ReadOptions(attributes.Nested);
        }

        return bucket;
    }

    private static TokenBucket ReadOptions(AttributeReader options)
    {
        var parameters = default(TokenBucketParameters);
        ulong? rate64 = null;
        while (options.MoveNext())
        {
            if (options.Type == Parameters)
                parameters = options.Fixed<TokenBucketParameters>();
            else if (options.Type == Rate64)
                rate64 = options.Fixed<ulong>();
        }

        var rate = rate64 ?? parameters.Rate.Rate;
        var burst = (UInt128)parameters.Buffer * NanosecondsPerTick * rate / NanosecondsPerSecond;
        return new TokenBucket(rate, (uint)UInt128.Min(burst, uint.MaxValue), parameters.Limit);
    }

    /// <summary>struct tcmsg: family, pads, interface, handle of the discipline or filter, that of its parent, and a filter's priority and protocol.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct QueueHeader
    {
        private readonly uint _familyAndPads;
        internal int Index;
        internal uint Handle;
        internal uint Parent;
        internal uint Info;

        /// <summary>TC_H_ROOT.</summary>
        internal const uint Root = 0xFFFFFFFF;

        /// <summary>The one discipline that holds no packets and has places for filters: TC_H_CLSACT as parent, TC_H_MAKE(TC_H_CLSACT, 0) as handle.</summary>
        internal const uint HooksParent = 0xFFFFFFF1;
        internal const uint HooksHandle = 0xFFFF0000;

        /// <summary>TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) and TC_H_MIN_EGRESS.</summary>
        internal const uint Ingress = 0xFFFFFFF2;
        internal const uint Egress = 0xFFFFFFF3;

        /// <summary>Of a filter for packets of all protocols: ETH_P_ALL, in network byte order.</summary>
        internal static uint InfoOf(ushort priority) => ((uint)priority << 16) | (ushort)System.Net.IPAddress.HostToNetworkOrder((short)3);
    }

    /// <summary>struct tc_ratespec. Rate in bytes a second; all ones where it is greater, and Rate64 says it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct RateHeader
    {
        private readonly byte _cellLog;
        internal byte LinkLayer;
        private readonly ushort _overhead;
        private readonly short _cellAlign;
        private readonly ushort _minimumPacket;
        internal uint Rate;
    }

    /// <summary>struct tc_tbf_qopt: rate, peak rate, bytes that wait, ticks that a burst takes, and the peak rate's bucket.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TokenBucketParameters
    {
        internal RateHeader Rate;
        private readonly RateHeader _peakRate;
        internal uint Limit;
        internal uint Buffer;
        private readonly uint _peakBurst;
    }
}
