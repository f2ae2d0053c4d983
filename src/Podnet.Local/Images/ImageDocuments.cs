using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Podnet.Local.Images;

// The part of an image's documents that is used here, by the names of the OCI image specification 1.1 (descriptor.md, manifest.md, image-index.md,
// config.md); Docker's schema 2 has the same fields. Anything may be missing: what must be there is checked where it is read.
internal sealed record ImageDescriptor(string? MediaType, string? Digest, long? Size, ImagePlatform? Platform, IReadOnlyDictionary<string, string>? Annotations);

internal sealed record ImagePlatform(string? Architecture, string? Os);

/// <summary>A manifest (config and layers) or an index (manifests).</summary>
internal sealed record ImageManifest(
    int? SchemaVersion, ImageDescriptor? Config, IReadOnlyList<ImageDescriptor?>? Layers, IReadOnlyList<ImageDescriptor?>? Manifests)
{
    public bool IsIndex => Manifests is not null;
}

internal sealed record ImageConfigDocument(string? Architecture, string? Os, ImageConfigRun? Config, ImageRootfs? Rootfs);

internal sealed record ImageRootfs([property: JsonPropertyName("diff_ids")] IReadOnlyList<string?>? DiffIds);

internal sealed record ImageConfigRun(
    [property: JsonPropertyName("Entrypoint")] IReadOnlyList<string>? Entrypoint,
    [property: JsonPropertyName("Cmd")] IReadOnlyList<string>? Cmd,
    [property: JsonPropertyName("Env")] IReadOnlyList<string>? Env,
    [property: JsonPropertyName("WorkingDir")] string? WorkingDir,
    [property: JsonPropertyName("User")] string? User,
    [property: JsonPropertyName("StopSignal")] string? StopSignal);

/// <summary>An image in the manifest.json of what <c>docker save</c> writes (moby image/spec v1.2, "Combined Image JSON + Filesystem Changeset Format").</summary>
internal sealed record DockerArchiveImage(
    [property: JsonPropertyName("Config")] string? Config,
    [property: JsonPropertyName("RepoTags")] IReadOnlyList<string>? RepoTags,
    [property: JsonPropertyName("Layers")] IReadOnlyList<string?>? Layers);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageConfigDocument))]
[JsonSerializable(typeof(IReadOnlyList<DockerArchiveImage>))]
internal sealed partial class ImageDocumentsJson : JsonSerializerContext
{
    /// <param name="what">For the error: "manifest sha256:…".</param>
    /// <exception cref="ImageException"/>
    public static T Read<T>(byte[] content, JsonTypeInfo<T> type, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new ImageException($"{what} is empty");
        }
        catch (JsonException e)
        {
            throw new ImageException($"{what} is not what it should be: {e.Message}", e);
        }
    }
}
