using System.Text;

namespace Podnet.Core.Dns;

/// <summary>
/// A domain name as messages carry it (RFC 1035, 3.1): each label with its length before it, a 0 at the end. Letters are lower case, so
/// that two names are equal where DNS says that they are (RFC 4343).
/// </summary>
public sealed class DnsName : IEquatable<DnsName>
{
    /// <summary>Bytes, with all lengths and the 0 at the end (RFC 1035, 2.3.4).</summary>
    public const int Longest = 255;

    /// <summary>Bytes (RFC 1035, 2.3.4).</summary>
    public const int LongestLabel = 63;

    public static readonly DnsName Root = new([0]);

    private readonly byte[] _wire;

    internal DnsName(byte[] wire) => _wire = wire;

    public ReadOnlySpan<byte> Wire => _wire;

    /// <summary>"cluster.local", with or without a dot at the end; printable ASCII, without escapes. Null for anything else.</summary>
    public static DnsName? TryParse(string? text)
    {
        if (text is null or "")
            return null;
        if (text == ".")
            return Root;
        var labels = (text[^1] == '.' ? text[..^1] : text).Split('.');
        return labels.Sum(label => label.Length + 1) + 1 <= Longest && labels.All(IsLabel) ? Join(labels, Root) : null;
    }

    /// <summary>For names that are known to be good.</summary>
    /// <exception cref="FormatException"/>
    public static DnsName Parse(string text) => TryParse(text) ?? throw new FormatException($"\"{text}\" is no domain name");

    /// <summary>The name with these labels before it: "web", "default" and "svc.cluster.local" are "web.default.svc.cluster.local".</summary>
    /// <exception cref="FormatException">The name would be too long, or one of them is no label.</exception>
    public DnsName Below(params ReadOnlySpan<string> labels)
    {
        string[] all = [.. labels];
        if (!all.All(IsLabel) || all.Sum(label => label.Length + 1) + _wire.Length > Longest)
            throw new FormatException($"\"{string.Join('.', all)}\" cannot stand before {this}");
        return Join(all, this);
    }

    /// <summary>The name without its first label; null for the root.</summary>
    public DnsName? Parent => _wire.Length == 1 ? null : new(_wire[(_wire[0] + 1)..]);

    /// <summary>Whether a name is this one or below it.</summary>
    /// <param name="name">In lower case.</param>
    public bool Holds(ReadOnlySpan<byte> name)
    {
        // By whole labels: the bytes of a name may be the end of another one's label.
        while (name.Length > _wire.Length)
            name = name[(name[0] + 1)..];
        return name.SequenceEqual(_wire);
    }

    /// <summary>
    /// Reads a name of a message without compression, as questions have it: its bytes to <paramref name="lower"/>, in lower case. Returns
    /// how many, or 0 where there is no such name.
    /// </summary>
    public static int ReadPlain(ReadOnlySpan<byte> from, Span<byte> lower)
    {
        for (var at = 0; at < from.Length && at < Longest;)
        {
            int length = from[at];
            if (length == 0)
            {
                lower[at] = 0;
                return at + 1;
            }
            if (length > LongestLabel || at + length + 1 >= Math.Min(from.Length, Longest))
                return 0;
            lower[at] = (byte)length;
            Lower(from.Slice(at + 1, length), lower[(at + 1)..]);
            at += length + 1;
        }
        return 0;
    }

    /// <summary>As somebody would type it, without the dot at the end; bytes that nobody could type as \DDD (RFC 1035, 5.1).</summary>
    public override string ToString()
    {
        if (_wire.Length == 1)
            return ".";
        var text = new StringBuilder();
        for (var at = 0; _wire[at] != 0; at += _wire[at] + 1)
        {
            if (at > 0)
                text.Append('.');
            foreach (var b in _wire.AsSpan(at + 1, _wire[at]))
            {
                if (b is > 32 and < 127 and not ((byte)'.' or (byte)'\\'))
                    text.Append((char)b);
                else
                    text.Append('\\').Append(b.ToString("D3", System.Globalization.CultureInfo.InvariantCulture));
            }
        }
        return text.ToString();
    }

    public bool Equals(DnsName? other) => other is not null && _wire.AsSpan().SequenceEqual(other._wire);

    public override bool Equals(object? obj) => Equals(obj as DnsName);

    public override int GetHashCode() => Hash(_wire);

    internal static int Hash(ReadOnlySpan<byte> wire)
    {
        var hash = default(HashCode);
        hash.AddBytes(wire);
        return hash.ToHashCode();
    }

    internal static void Lower(ReadOnlySpan<byte> from, Span<byte> to)
    {
        for (var i = 0; i < from.Length; i++)
        {
            var b = from[i];
            to[i] = (uint)(b - 'A') <= 'Z' - 'A' ? (byte)(b | 0x20) : b;
        }
    }

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= LongestLabel && label.All(c => c is > ' ' and < (char)127 and not ('\\' or '.'));

    private static DnsName Join(string[] labels, DnsName end)
    {
        var wire = new byte[labels.Sum(label => label.Length + 1) + end._wire.Length];
        var at = 0;
        foreach (var label in labels)
        {
            wire[at] = (byte)label.Length;
            Encoding.ASCII.GetBytes(label, wire.AsSpan(at + 1));
            Lower(wire.AsSpan(at + 1, label.Length), wire.AsSpan(at + 1));
            at += label.Length + 1;
        }
        end._wire.CopyTo(wire, at);
        return new(wire);
    }
}

/// <summary>So that a name is found by its bytes in a message, without making an object of it.</summary>
public sealed class DnsNameComparer : IEqualityComparer<DnsName>, IAlternateEqualityComparer<ReadOnlySpan<byte>, DnsName>
{
    public static readonly DnsNameComparer Instance = new();

    public bool Equals(DnsName? x, DnsName? y) => x is null ? y is null : x.Equals(y);

    public int GetHashCode(DnsName obj) => obj.GetHashCode();

    public bool Equals(ReadOnlySpan<byte> alternate, DnsName other) => alternate.SequenceEqual(other.Wire);

    public int GetHashCode(ReadOnlySpan<byte> alternate) => DnsName.Hash(alternate);

    public DnsName Create(ReadOnlySpan<byte> alternate) => new(alternate.ToArray());
}
