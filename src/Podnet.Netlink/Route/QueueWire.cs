using System.Runtime.InteropServices;

namespace Podnet.Netlink;

/// <summary>Queueing disciplines (linux/rtnetlink.h, linux/pkt_sched.h), of which tbf alone is known here. Numbers are in host byte order.</summary>
/// <remarks>
/// <code>
/// RTM_NEWQDISC:  struct tcmsg  Kind "tbf"  Options { Parameters struct tc_tbf_qopt  [Rate64 u64]  Burst u32 }
/// </code>
/// </remarks>
internal static class QueueWire
{
    // RTM_*
    internal const ushort New = 36;
    internal const ushort Get = 38;

    private const string TokenBucketKind = "tbf";

    // TCA_*
    private const int Kind = 1;
    private const int Options = 2;

    // TCA_TBF_*
    private const int Parameters = 1;
    private const int Rate64 = 4;
    private const int Burst = 6;

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

    /// <summary>struct tcmsg: family, pads, interface, handle of the discipline, of its parent, and more.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct QueueHeader
    {
        private readonly uint _familyAndPads;
        internal int Index;
        private readonly uint _handle;
        internal uint Parent;
        private readonly uint _info;

        /// <summary>TC_H_ROOT.</summary>
        internal const uint Root = 0xFFFFFFFF;
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
