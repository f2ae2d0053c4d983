using System.Net;
using System.Text.Json;
using Podnet.Cni.Ipam;

namespace Podnet.Cni.Protocol;

/// <summary>The network configuration from standard input (CNI SPEC 1.1, section 1), checked.</summary>
internal sealed record NetworkConfig
{
    /// <summary>1 MiB, arbitrary: a hundred times what a runtime sends.</summary>
    public const int MaxBytes = 1 << 20;

    public required CniVersion Version { get; init; }

    /// <summary>Names the folder of reservations below <see cref="DataDir"/>, so it is no path.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes; null leaves it to the kernel.</summary>
    public int? Mtu { get; init; }

    /// <summary>A pod gets one address of each set.</summary>
    public required IReadOnlyList<RangeSet> Ranges { get; init; }

    public required string DataDir { get; init; }

    /// <summary>runtimeConfig.ips, the capability "ips" (CONVENTIONS.md).</summary>
    public IReadOnlyList<IPAddress> RequestedAddresses { get; init; } = [];

    /// <summary>What the plugins before this one made (ADD), or what ADD made (CHECK, DEL).</summary>
    public ConfigValue? PreviousResult { get; init; }

    /// <summary>Passed into the result as it is.</summary>
    public ConfigValue? Dns { get; init; }

    /// <summary>Where host-local keeps its reservations, whose format this plugin shares.</summary>
    private const string DefaultDataDir = "/var/lib/cni/networks";

    /// <param name="answerIn">Told as soon as the version is known, so that an error further down is said in that version too.</param>
    public static NetworkConfig Read(Stream input, Action<CniVersion> answerIn)
    {
        var root = new ConfigValue(Parse(ReadBounded(input)), "");
        var version = CniVersion.Parse(root.Get("cniVersion").AsString());
        answerIn(version);
        var name = root.Get("name");
        if (!Request.IsIdentifier(name.AsString()))
            throw name.Invalid("must start with a letter or digit and hold only those, '_', '.' and '-'");
        var ipam = root.Get("ipam");
        if (ipam.Find("type") is { } type && type.AsString() != "host-local")
            throw type.Unsupported();
        return new NetworkConfig
        {
            Version = version,
            Name = name.AsString(),
            Mtu = root.Find("mtu")?.AsInteger(68, 65535), // RFC 791: every module must forward 68 octets; ETH_MAX_MTU
            Ranges = RangeSet.ReadAll(ipam.Get("ranges")),
            DataDir = ReadDataDir(ipam.Find("dataDir")),
            RequestedAddresses = ReadRuntimeConfig(root.Find("runtimeConfig")),
            PreviousResult = root.Find("prevResult"),
            Dns = root.Find("dns"),
        };
    }

    /// <summary>What VERSION is answered in: the version on input, as far as there is one that this plugin speaks.</summary>
    public static CniVersion ReadVersion(Stream input)
    {
        var bytes = ReadBounded(input);
        var asked = bytes.IsEmpty ? null : new ConfigValue(Parse(bytes), "").Find("cniVersion")?.AsString();
        return Array.Find(CniVersion.Supported, version => version.Text == asked) ?? CniVersion.Latest;
    }

    private static string ReadDataDir(ConfigValue? value)
    {
        var path = value?.AsString() ?? DefaultDataDir;
        return path.StartsWith('/') && !path.Contains('\0') ? path : throw value!.Value.Invalid("is not an absolute path");
    }

    /// <summary>A runtime gives only what the configuration's "capabilities" asked for, so ignoring a key would break a promise.</summary>
    private static IReadOnlyList<IPAddress> ReadRuntimeConfig(ConfigValue? value)
    {
        if (value is not { } runtimeConfig)
            return [];
        foreach (var key in runtimeConfig.Keys())
        {
            if (key != "ips")
                throw runtimeConfig.Get(key).Unsupported();
        }

        return runtimeConfig.Find("ips")?.Items().Select(item => item.AsAddress()).ToList() ?? [];
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return JsonDocument.Parse(bytes).RootElement;
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Decode, "the network configuration on standard input is not JSON", e.Message);
        }
    }

    private static ReadOnlyMemory<byte> ReadBounded(Stream input)
    {
        var buffer = new byte[8192]; // more than a usual configuration
        var length = 0;
        try
        {
            while (true)
            {
                var read = input.Read(buffer, length, buffer.Length - length);
                if (read == 0)
                    return buffer.AsMemory(0, length);
                length += read;
                if (length > MaxBytes)
                    throw new CniException(CniErrorCode.Decode, $"the network configuration is larger than {MaxBytes} bytes");
                if (length == buffer.Length)
                    Array.Resize(ref buffer, 2 * length);
            }
        }
        catch (IOException e)
        {
            throw new CniException(CniErrorCode.InputOutput, "cannot read the network configuration from standard input", e.Message);
        }
    }
}
