using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;

namespace Podnet.Netlink.Nftables;

/// <summary>Bytes as a register or a set's key holds them: compared by content, ordered as the kernel orders keys.</summary>
public readonly struct ByteString : IEquatable<ByteString>, IComparable<ByteString>
{
    private readonly ImmutableArray<byte> _bytes;

    public ByteString(ReadOnlySpan<byte> bytes) => _bytes = [.. bytes];

    public static ByteString Of(IPAddress address) => new(address.GetAddressBytes());

    /// <summary>In host byte order, as the kernel keeps marks and states.</summary>
    public static ByteString OfHost(uint value) => new(BitConverter.GetBytes(value));

    /// <summary>In network byte order, as ports stand in packets.</summary>
    public static ByteString OfPort(ushort value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return new ByteString(bytes);
    }

    public ReadOnlySpan<byte> Span => _bytes.IsDefault ? default : _bytes.AsSpan();

    public int Length => Span.Length;

    /// <summary>The next greater one of the same length; null after the greatest.</summary>
    internal ByteString? Next()
    {
        var bytes = Span.ToArray();
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            if (++bytes[i] != 0)
                return new ByteString(bytes);
        }

        return null;
    }

    public int CompareTo(ByteString other) => Span.SequenceCompareTo(other.Span);

    public bool Equals(ByteString other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is ByteString other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(ByteString left, ByteString right) => left.Equals(right);

    public static bool operator !=(ByteString left, ByteString right) => !left.Equals(right);

    public override string ToString() => Convert.ToHexStringLower(Span);
}
