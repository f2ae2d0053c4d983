using System.Net;
using Podnet.Netlink;

namespace Podnet.Cni.Protocol;

/// <summary>CNI_ARGS, "KEY=VALUE;KEY=VALUE" (CNI SPEC 1.1, section 2), as far as it concerns this plugin.</summary>
/// <param name="Pod">"NAMESPACE/NAME" where it says which pod this is.</param>
/// <param name="Address">IP, which asks for this address.</param>
/// <param name="Mac">MAC, which asks for this link address in the pod.</param>
internal sealed record CniArguments(string? Pod, IPAddress? Address, MacAddress? Mac)
{
    public static readonly CniArguments None = new(null, null, null);

    /// <summary>"1", "t" and "true" in any case of letters, as the reference plugins read it (Go's strconv.ParseBool).</summary>
    private static readonly string[] True = ["1", "t", "true"];

    /// <summary>
    /// A key that is unknown is an error, unless IgnoreUnknown says otherwise (CONVENTIONS.md, CNI_ARGS).
    /// </summary>
    public static CniArguments Read(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return None;
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=');
            if (equals <= 0)
                throw Invalid(pair, "is not KEY=VALUE");
            values[pair[..equals]] = pair[(equals + 1)..];
        }

        var ignoreUnknown = values.TryGetValue("IgnoreUnknown", out var ignore) && True.Contains(ignore.ToLowerInvariant());
        if (!ignoreUnknown && values.Keys.FirstOrDefault(key => !IsKnown(key)) is { } unknown)
            throw Invalid(unknown, "is not known, and there is no IgnoreUnknown=1");
        var ns = Find(values, "K8S_POD_NAMESPACE", ReadName);
        var name = Find(values, "K8S_POD_NAME", ReadName);
        return new CniArguments(
            ns is null || name is null ? null : $"{ns}/{name}",
            Find(values, "IP", ReadAddress),
            values.TryGetValue("MAC", out var mac) ? PodMac.TryParse(mac) ?? throw Invalid(mac, PodMac.Rule) : null);
    }

    private static bool IsKnown(string key) =>
        key is "IgnoreUnknown" or "IP" or "MAC" || key.StartsWith("K8S_POD_", StringComparison.Ordinal);

    private static T? Find<T>(Dictionary<string, string> values, string key, Func<string, T> read)
        where T : class => values.TryGetValue(key, out var value) ? read(value) : null;

    private static string ReadName(string value) =>
        Request.IsIdentifier(value) ? value : throw Invalid(value, "is not the name of a pod or namespace");

    /// <summary>With or without a prefix length, which does not count.</summary>
    private static IPAddress ReadAddress(string value) =>
        ConfigValue.TryParseAddress(value.Split('/')[0]) ?? throw Invalid(value, "is not an IP address");

    private static CniException Invalid(string value, string rule) =>
        new(CniErrorCode.InvalidEnvironment, "environment variable CNI_ARGS is invalid", $"{CniException.Quote(value)} {rule}");
}

/// <summary>A link address that somebody asks for.</summary>
internal static class PodMac
{
    public const string Rule = "is not the Ethernet address of one interface, such as 02:00:00:00:00:01";

    /// <summary>IEEE 802: the lowest bit of the first octet says multicast; all zeros are none.</summary>
    private const ulong Multicast = 0x01UL << 40;

    public static MacAddress? TryParse(string text)
    {
        try
        {
            var mac = MacAddress.Parse(text);
            return mac.Value != 0 && (mac.Value & Multicast) == 0 ? mac : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
