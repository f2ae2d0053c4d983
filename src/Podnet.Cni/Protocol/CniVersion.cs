namespace Podnet.Cni.Protocol;

/// <summary>A version of the CNI specification, and what it changes in the objects exchanged.</summary>
internal sealed class CniVersion
{
    private CniVersion(int rank, string text)
    {
        Rank = rank;
        Text = text;
    }

    /// <summary>Supported versions, the oldest first.</summary>
    public static readonly CniVersion[] Supported =
        [new(0, "0.3.1"), new(1, "0.4.0"), new(2, "1.0.0"), new(3, "1.1.0")];

    public static CniVersion Latest => Supported[^1];

    public string Text { get; }

    /// <summary>Since 0.4.0.</summary>
    public bool HasCheck => Rank >= 1;

    /// <summary>Since 1.1.0.</summary>
    public bool HasStatusAndGarbageCollection => Rank >= 3;

    /// <summary>"version": "4" in every item of ips; 1.0.0 removed it.</summary>
    public bool NamesFamilyOfAddresses => Rank < 2;

    /// <summary>"mtu" in interfaces, since 1.1.0.</summary>
    public bool ShowsMtu => Rank >= 3;

    private int Rank { get; }

    public static CniVersion Parse(string text)
    {
        foreach (var version in Supported)
        {
            if (version.Text == text)
                return version;
        }

        // SPEC, code 6: "failed to decode version info from string".
        if (text.Split('.') is not { Length: 3 } parts || !parts.All(part => part.Length is > 0 and <= 9 && part.All(char.IsAsciiDigit)))
            throw new CniException(CniErrorCode.Decode, "cniVersion is not a version", CniException.Quote(text));
        throw new CniException(
            CniErrorCode.IncompatibleVersion,
            "incompatible CNI versions",
            $"config is {CniException.Quote(text)}, plugin supports {string.Join(", ", Supported.Select(v => v.Text))}");
    }
}
