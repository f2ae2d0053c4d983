using System.Net;
using System.Text.Json;

namespace Podnet.Cni.Protocol;

/// <summary>A value of the configuration with its path, so that every complaint says where.</summary>
internal readonly record struct ConfigValue(JsonElement Element, string Path)
{
    /// <summary>Null where the key is absent or its value is null.</summary>
    public ConfigValue? Find(string key)
    {
        Require(JsonValueKind.Object, "an object");
        return Element.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null
            ? new ConfigValue(value, Path.Length == 0 ? key : $"{Path}.{key}")
            : null;
    }

    /// <summary>
    /// As <see cref="Find"/>, or under the key in other letters: containerd writes "HostPort" (go-cni, types.go), and plugins in Go read JSON
    /// without regard to case.
    /// </summary>
    public ConfigValue? FindAnyCase(string key)
    {
        if (Find(key) is { } exact)
            return exact;
        foreach (var property in Element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Null && property.Name.Equals(key, StringComparison.OrdinalIgnoreCase))
                return new ConfigValue(property.Value, $"{Path}.{property.Name}");
        }

        return null;
    }

    public ConfigValue Get(string key) => Find(key) ?? throw Missing(key);

    /// <summary>Also where its value is null.</summary>
    public bool Has(string key) => Element.TryGetProperty(key, out _);

    public CniException Missing(string key) =>
        new(CniErrorCode.InvalidConfig, $"{(Path.Length == 0 ? key : $"{Path}.{key}")} is missing from the network configuration");

    /// <summary>A list without items, an object without keys, false, or "".</summary>
    public bool IsEmpty => Element.ValueKind switch
    {
        JsonValueKind.Array => Element.GetArrayLength() == 0,
        JsonValueKind.Object => !Keys().Any(),
        JsonValueKind.String => Element.ValueEquals(""),
        JsonValueKind.False => true,
        _ => false,
    };

    public IEnumerable<string> Keys()
    {
        Require(JsonValueKind.Object, "an object");
        foreach (var property in Element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.Null)
                yield return property.Name;
        }
    }

    public IEnumerable<ConfigValue> Items()
    {
        Require(JsonValueKind.Array, "a list");
        var index = 0;
        foreach (var item in Element.EnumerateArray())
            yield return new ConfigValue(item, $"{Path}[{index++}]");
    }

    public string AsString()
    {
        Require(JsonValueKind.String, "a string");
        return Element.GetString()!;
    }

    public int AsInteger(int min, int max)
    {
        Require(JsonValueKind.Number, "a number");
        return Element.TryGetInt32(out var value) && value >= min && value <= max
            ? value
            : throw Invalid($"is not a whole number from {min} to {max}");
    }

    public long AsLong(long min)
    {
        Require(JsonValueKind.Number, "a number");
        return Element.TryGetInt64(out var value) && value >= min ? value : throw Invalid($"is not a whole number from {min} to {long.MaxValue}");
    }

    /// <summary>In bytes. RFC 791: every module must forward 68 octets; ETH_MAX_MTU.</summary>
    public int AsMtu() => AsInteger(68, 65535);

    public string AsPath()
    {
        var path = AsString();
        return path.StartsWith('/') && !path.Contains('\0') && path.Length <= Request.MaxPathLength
            ? path
            : throw Invalid($"is not an absolute path of at most {Request.MaxPathLength} characters");
    }

    /// <summary>An address, with or without a prefix length behind it, which does not count.</summary>
    public IPAddress AsAddress()
    {
        var text = AsString();
        var slash = text.IndexOf('/');
        return TryParseAddress(slash < 0 ? text : text[..slash]) ?? throw Invalid("is not an IP address");
    }

    /// <summary>"10.0.0.0/24"; no bit may be set behind the prefix.</summary>
    public IPNetwork AsNetwork()
    {
        var text = AsString();
        // IPNetwork clears bits behind the prefix without a word.
        return IPNetwork.TryParse(text, out var network) && network.BaseAddress.Equals(TryParseAddress(text[..text.IndexOf('/')]))
            ? network
            : throw Invalid("is not an address range in CIDR notation, without bits behind the prefix");
    }

    public CniException Invalid(string rule) =>
        new(CniErrorCode.InvalidConfig, $"{Path} is invalid", $"{Shown} {rule}");

    /// <summary>SPEC: "The error message must contain the key and value of the unsupported field."</summary>
    public CniException Unsupported() =>
        new(CniErrorCode.UnsupportedField, $"{CniException.Quote(Path)}: {Shown} is not supported");

    /// <summary>IPAddress.Parse also takes "1", "0x7f.1" and "[::1]:80", which nobody means in a configuration.</summary>
    internal static IPAddress? TryParseAddress(string text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigit(c) && c is not (':' or '.'))
                return null;
        }

        return IPAddress.TryParse(text, out var address) && (text.Contains(':') || address.ToString() == text) ? address : null;
    }

    private string Shown => CniException.Quote(Element.ValueKind == JsonValueKind.String ? Element.GetString()! : Element.GetRawText());

    private void Require(JsonValueKind kind, string name)
    {
        if (Element.ValueKind != kind)
            throw new CniException(
                CniErrorCode.InvalidConfig, Path.Length == 0 ? $"the network configuration is not {name}" : $"{Path} is not {name}", Shown);
    }
}
