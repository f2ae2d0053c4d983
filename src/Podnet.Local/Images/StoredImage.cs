using System.Text.Json.Serialization;

namespace Podnet.Local.Images;

/// <summary>An image in the store, under one of its names.</summary>
public sealed record StoredImage
{
    /// <summary>Whole: "docker.io/library/nginx:latest".</summary>
    public required string Name { get; init; }

    /// <summary>The digest of its configuration, which names its layers: equal where all of it is equal.</summary>
    public required string Id { get; init; }

    /// <summary>Of the manifest or index that it came by; null where it came without one (docker save).</summary>
    public string? Digest { get; init; }

    /// <summary>From a registry, which may have a newer one by that name.</summary>
    public required bool Pulled { get; init; }

    public required DateTimeOffset Added { get; init; }

    /// <summary>The lowest first.</summary>
    public required IReadOnlyList<StoredLayer> Layers { get; init; }

    public required ImageRun Run { get; init; }

    /// <summary>In bytes, unpacked, with layers that other images have too.</summary>
    [JsonIgnore]
    public long Size => Layers.Sum(layer => layer.Size);

    /// <summary>Its content, by the best name that there is for it: "docker.io/library/nginx@sha256:…".</summary>
    [JsonIgnore]
    public string ContentName => Digest is null ? Id : ImageReference.Parse(Name).WithDigest(Digest).ToString();
}

/// <param name="Chain">The layer with all below it (OCI image specification, config.md, "Layer ChainID").</param>
/// <param name="Size">In bytes, unpacked.</param>
public sealed record StoredLayer(string Chain, long Size);

/// <summary>What runs where a pod says nothing else (OCI image specification, config.md, "config").</summary>
public sealed record ImageRun
{
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>"NAME=value".</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    public string WorkingDirectory { get; init; } = "/";

    /// <summary>"user", "uid", "user:group", "uid:gid" or a mixture; "" is root.</summary>
    public string User { get; init; } = "";

    /// <summary>Null: SIGTERM.</summary>
    public int? StopSignal { get; init; }
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<StoredImage>))]
internal sealed partial class StoredImageJson : JsonSerializerContext;
