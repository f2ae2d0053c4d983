using Podnet.Core.Dns;

namespace Podnet.Dns;

/// <summary>
/// Answers of other servers for as long as they say. Of two halves the younger takes what is new or used; when it is full it becomes the older one, and
/// what nobody used since goes. So it is bounded, and what is asked for often stays. From any thread.
/// </summary>
/// <param name="capacity">Answers at most.</param>
internal sealed class ReplyCache(int capacity, TimeProvider time)
{
    /// <summary>Seconds that an answer is kept at most, whatever it says: an hour. Arbitrary.</summary>
    private const uint LongestLife = 3600;

    /// <summary>Likewise a "no": five minutes. Arbitrary; RFC 2308, 5 suggests one to three hours.</summary>
    private const uint LongestNo = 300;

    private readonly Lock _lock = new();
    private Dictionary<byte[], Kept> _young = new(QuestionKey.Comparer), _old = new(QuestionKey.Comparer);

    /// <param name="age">Seconds since it came.</param>
    public UpstreamReply? Find(ReadOnlySpan<byte> key, out uint age)
    {
        age = 0;
        lock (_lock)
        {
            if (!_young.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var kept))
            {
                if (!_old.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out kept))
                    return null;
                Add(key.ToArray(), kept);
            }
            var seconds = (uint)time.GetElapsedTime(kept.Since).TotalSeconds;
            if (seconds >= kept.Life)
                return null;
            age = seconds;
            return kept.Reply;
        }
    }

    public void Keep(byte[] key, UpstreamReply reply)
    {
        // What went wrong there may go well the next time.
        var life = reply.Code switch
        {
            ResponseCode.NoError => Math.Min(reply.Lifetime, LongestLife),
            ResponseCode.NameError => Math.Min(reply.Lifetime, LongestNo),
            _ => 0u,
        };
        if (life == 0 || reply.IsTruncated)
            return;
        lock (_lock)
            Add(key, new Kept(reply, time.GetTimestamp(), life));
    }

    private void Add(byte[] key, Kept kept)
    {
        if (_young.Count >= capacity / 2)
        {
            (_old, _young) = (_young, _old);
            _young.Clear();
        }
        _young[key] = kept;
    }

    private readonly record struct Kept(UpstreamReply Reply, long Since, uint Life);
}

/// <summary>What makes two questions the same: name in lower case, type, class, and whether DNSSEC records and unchecked answers are welcome.</summary>
internal static class QuestionKey
{
    public const int Longest = DnsWire.LongestQuestion + 1;

    public static readonly IEqualityComparer<byte[]> Comparer = new ByteComparer();

    /// <param name="name">In lower case.</param>
    public static int Write(ReadOnlySpan<byte> name, in DnsQuery query, Span<byte> key)
    {
        name.CopyTo(key);
        key = key[name.Length..];
        key[0] = (byte)((int)query.Type >> 8);
        key[1] = (byte)query.Type;
        key[2] = (byte)(query.Class >> 8);
        key[3] = (byte)query.Class;
        key[4] = (byte)((query.DnssecOk ? 1 : 0) | ((query.Flags & DnsWire.CheckingDisabled) != 0 ? 2 : 0));
        return name.Length + 5;
    }

    /// <summary>As the question of a message has it.</summary>
    public static ReadOnlySpan<byte> Question(byte[] key) => key.AsSpan(..^1);

    public static bool WantsDnssec(byte[] key) => (key[^1] & 1) != 0;

    public static bool IsUnchecked(byte[] key) => (key[^1] & 2) != 0;

    private sealed class ByteComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        // Seeded at random by the runtime: nobody can choose names that all meet.
        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
