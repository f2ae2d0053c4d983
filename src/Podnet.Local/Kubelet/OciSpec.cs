using System.Text.Json.Serialization;

namespace Podnet.Local.Kubelet;

// The part of a bundle's config.json that is used here, by the names of the OCI runtime specification 1.0.2 (config.md, config-linux.md).
internal sealed record OciSpec(OciProcess Process, OciRoot Root, string? Hostname, IReadOnlyList<OciMount> Mounts, OciLinux Linux)
{
    [JsonPropertyOrder(-1)]
    public string OciVersion => "1.0.2";

    public required IReadOnlyDictionary<string, string> Annotations { get; init; }
}

internal sealed record OciProcess(
    OciUser User,
    IReadOnlyList<string> Args,
    IReadOnlyList<string> Env,
    string Cwd,
    OciCapabilities Capabilities,
    bool NoNewPrivileges)
{
    public bool Terminal { get; init; }
}

internal sealed record OciUser(long Uid, long Gid, IReadOnlyList<long>? AdditionalGids = null);

internal sealed record OciCapabilities(IReadOnlyList<string> Bounding, IReadOnlyList<string> Effective, IReadOnlyList<string> Permitted);

internal sealed record OciRoot(string Path, bool Readonly);

internal sealed record OciMount(string Destination, string Type, string Source, IReadOnlyList<string> Options);

internal sealed record OciLinux(
    IReadOnlyList<OciNamespace> Namespaces,
    string CgroupsPath,
    OciResources Resources,
    IReadOnlyList<string> MaskedPaths,
    IReadOnlyList<string> ReadonlyPaths);

/// <param name="Path">The namespace to join; null makes a new one.</param>
internal sealed record OciNamespace(string Type, string? Path = null);

internal sealed record OciResources(IReadOnlyList<OciDeviceRule> Devices, OciMemory? Memory = null, OciCpu? Cpu = null);

/// <param name="Limit">Bytes.</param>
internal sealed record OciMemory(long Limit);

/// <param name="Quota">Microseconds in each period.</param>
/// <param name="Period">Microseconds.</param>
internal sealed record OciCpu(long Shares, long? Quota, long? Period);

internal sealed record OciDeviceRule(bool Allow, string Access);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OciSpec))]
internal sealed partial class OciJson : JsonSerializerContext;
