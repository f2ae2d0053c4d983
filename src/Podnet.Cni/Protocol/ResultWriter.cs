using System.Buffers;
using System.Net;
using System.Text.Json;
using Podnet.Cni.Ipam;

namespace Podnet.Cni.Protocol;

/// <summary>An interface as a result shows it.</summary>
/// <param name="Mac">As "02:00:00:00:00:01".</param>
/// <param name="Mtu">Bytes.</param>
/// <param name="Sandbox">The path of the network namespace; null for the node's own.</param>
internal sealed record ResultInterface(string Name, string Mac, int Mtu, string? Sandbox);

/// <summary>What ADD made.</summary>
/// <param name="Gateways">The next hop of the default route, for each of the addresses.</param>
internal sealed record AddResult(
    ResultInterface Host, ResultInterface Pod, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> Gateways);

/// <summary>The objects on standard output (CNI SPEC 1.1, section 5), in the shape of the version asked for.</summary>
internal static class ResultWriter
{
    private static readonly JsonWriterOptions Format = new() { Indented = true, Encoder = PlainJson.Encoder };

    /// <summary>
    /// The result of ADD. What an earlier plugin of the chain made stands before what this one made; keys of it that this
    /// plugin does not know are passed on.
    /// </summary>
    public static ReadOnlyMemory<byte> Add(NetworkConfig config, AddResult result) => Write(json =>
    {
        var previous = config.PreviousResult;
        var earlier = previous?.Find("interfaces")?.Items().Count() ?? 0;
        json.WriteString("cniVersion", config.Version.Text);
        WriteList(json, "interfaces", previous, () =>
        {
            WriteInterface(json, config.Version, result.Host);
            WriteInterface(json, config.Version, result.Pod);
        });
        WriteList(json, "ips", previous, () => WriteAddresses(json, config.Version, result, podIndex: earlier + 1));
        WriteList(json, "routes", previous, () => WriteRoutes(json, result));
        if (config.RuntimeDns is { } runtimeDns)
        {
            WriteDns(json, runtimeDns);
        }
        else if ((config.Dns ?? previous?.Find("dns")) is { } dns)
        {
            json.WritePropertyName("dns");
            dns.Element.WriteTo(json);
        }

        foreach (var key in previous?.Keys() ?? [])
        {
            if (key is "cniVersion" or "interfaces" or "ips" or "routes" or "dns")
                continue;
            json.WritePropertyName(key);
            previous!.Value.Get(key).Element.WriteTo(json);
        }
    });

    /// <param name="answerIn">The version that the caller speaks.</param>
    public static ReadOnlyMemory<byte> Versions(CniVersion answerIn) => Write(json =>
    {
        json.WriteString("cniVersion", answerIn.Text);
        json.WriteStartArray("supportedVersions");
        foreach (var version in CniVersion.Supported)
            json.WriteStringValue(version.Text);
        json.WriteEndArray();
    });

    public static ReadOnlyMemory<byte> Error(CniVersion answerIn, CniException error) => Write(json =>
    {
        json.WriteString("cniVersion", answerIn.Text);
        json.WriteNumber("code", (int)error.Code);
        json.WriteString("msg", error.Message);
        if (error.Details is not null)
            json.WriteString("details", error.Details);
    });

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, Format))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    private static void WriteList(Utf8JsonWriter json, string key, ConfigValue? previous, Action own)
    {
        json.WriteStartArray(key);
        foreach (var item in previous?.Find(key)?.Items() ?? [])
            item.Element.WriteTo(json);
        own();
        json.WriteEndArray();
    }

    private static void WriteInterface(Utf8JsonWriter json, CniVersion version, ResultInterface link)
    {
        json.WriteStartObject();
        json.WriteString("name", link.Name);
        json.WriteString("mac", link.Mac);
        if (version.ShowsMtu)
            json.WriteNumber("mtu", link.Mtu);
        if (link.Sandbox is not null)
            json.WriteString("sandbox", link.Sandbox);
        json.WriteEndObject();
    }

    private static void WriteAddresses(Utf8JsonWriter json, CniVersion version, AddResult result, int podIndex)
    {
        for (var i = 0; i < result.Addresses.Count; i++)
        {
            var ipv4 = AddressNumber.IsIPv4(result.Addresses[i]);
            json.WriteStartObject();
            if (version.NamesFamilyOfAddresses)
                json.WriteString("version", ipv4 ? "4" : "6");
            json.WriteNumber("interface", podIndex);
            json.WriteString("address", $"{AddressNumber.TextOf(result.Addresses[i])}/{(ipv4 ? 32 : 128)}");
            json.WriteString("gateway", result.Gateways[i].ToString());
            json.WriteEndObject();
        }
    }

    private static void WriteDns(Utf8JsonWriter json, DnsSettings dns)
    {
        json.WriteStartObject("dns");
        WriteStrings(json, "nameservers", dns.Nameservers);
        WriteStrings(json, "search", dns.Search);
        WriteStrings(json, "options", dns.Options);
        json.WriteEndObject();
    }

    private static void WriteStrings(Utf8JsonWriter json, string key, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        json.WriteStartArray(key);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static void WriteRoutes(Utf8JsonWriter json, AddResult result)
    {
        foreach (var gateway in result.Gateways.Distinct())
        {
            json.WriteStartObject();
            json.WriteString("dst", AddressNumber.IsIPv4(gateway) ? "0.0.0.0/0" : "::/0");
            json.WriteString("gw", gateway.ToString());
            json.WriteEndObject();
        }
    }
}
