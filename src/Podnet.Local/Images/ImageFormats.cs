namespace Podnet.Local.Images;

/// <summary>
/// Finds the images in what somebody handed over: an OCI image layout (image-layout.md), what <c>docker save</c> writes, or a folder of
/// skopeo's dir: transport. What documents say of each other is checked here; layers are checked as they are unpacked.
/// </summary>
internal sealed class ImageFormats
{
    /// <summary>Of indexes in indexes. Arbitrary.</summary>
    private const int Deepest = 4;

    private readonly ImageContent _content;
    private readonly string _source;
    private readonly Func<string, string> _blob;

    private ImageFormats(ImageContent content, string source, Func<string, string> blob)
    {
        _content = content;
        _source = source;
        _blob = blob;
    }

    /// <param name="source">For errors: the file's or folder's name.</param>
    /// <param name="name">To be kept under this one name; null: under those that it says.</param>
    /// <exception cref="ImageException"/>
    public static IReadOnlyList<SourceImage> Read(ImageContent content, string source, ImageReference? name)
    {
        var found = content.TryReadDocument("oci-layout", "oci-layout") is not null ? FromLayout(content, source)
            : content.TryReadDocument("manifest.json", "manifest.json") is { } manifest ? manifest.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("["u8)
                ? FromDockerArchive(content, manifest, source)
                : [FromSkopeoFolder(content, source)]
            : throw new ImageException($"{source} is no image: it has neither oci-layout (an OCI image layout) nor manifest.json (docker save)");
        if (found.Count == 0)
            throw new ImageException($"{source} has no image in it");
        if (name is not null)
            return found is [var only] ? [only with { Names = [name] }] : throw new ImageException($"{source} has {found.Count} images, which cannot all be {name}");
        return found.FirstOrDefault(image => image.Names.Count == 0) is null
            ? found
            : throw new ImageException($"{source} has an image without a name: give it one with --as");
    }

    /// <summary>The manifest or index is manifest.json, and each blob a file that has its digest's digits as a name.</summary>
    public static SourceImage FromSkopeoFolder(ImageContent content, string source)
    {
        var manifest = content.ReadDocument("manifest.json", "the manifest");
        return new ImageFormats(content, source, ContentDigest.Hex).Of(manifest, ContentDigest.Of(manifest), []);
    }

    /// <summary>Of a manifest that was fetched by itself: the digests of the manifests that an index lists; none for an image's own manifest.</summary>
    public static IEnumerable<string?> Listed(byte[] document, string what) =>
        (ImageDocumentsJson.Read(document, ImageDocumentsJson.Default.ImageManifest, what).Manifests ?? []).Select(m => m?.Digest);

    private static List<SourceImage> FromLayout(ImageContent content, string source)
    {
        var formats = new ImageFormats(content, source, digest => $"blobs/sha256/{ContentDigest.Hex(digest)}");
        var index = ImageDocumentsJson.Read(content.ReadDocument("index.json", "index.json"), ImageDocumentsJson.Default.ImageManifest, $"{source}: index.json");
        // Several of one name are the platforms of one image.
        return
        [
            .. (index.Manifests ?? []).OfType<ImageDescriptor>().GroupBy(NameOf).Select(group =>
            {
                var chosen = group.Count() == 1 ? group.First() : formats.ForThisMachine([.. group]);
                return formats.Of(formats.ReadBlob(chosen, "manifest"), chosen.Digest!, group.Key is null ? [] : [ImageReference.Parse(group.Key)]);
            }),
        ];
    }

    /// <summary>Null where it has none, or only a tag.</summary>
    private static string? NameOf(ImageDescriptor descriptor)
    {
        var annotations = descriptor.Annotations;
        // Docker's and containerd's; then the specification's, which may be whole (podman) or a tag alone (skopeo).
        return annotations?.GetValueOrDefault("io.containerd.image.name") is { Length: > 0 } whole ? whole
            : annotations?.GetValueOrDefault("org.opencontainers.image.ref.name") is { } name && name.AsSpan().ContainsAny('/', ':') ? name
            : null;
    }

    private static List<SourceImage> FromDockerArchive(ImageContent content, byte[] manifest, string source)
    {
        var images = ImageDocumentsJson.Read(manifest, ImageDocumentsJson.Default.IReadOnlyListDockerArchiveImage, $"{source}: manifest.json");
        return
        [
            .. images.Select(image => new SourceImage(
                [.. (image.RepoTags ?? []).Select(ImageReference.Parse)],
                Digest: null,
                content.ReadDocument(image.Config ?? "", "the configuration"),
                [.. (image.Layers ?? []).Select(layer => new SourceLayer(layer ?? "", Digest: null, Size: null))])),
        ];
    }

    private SourceImage Of(byte[] document, string digest, IReadOnlyList<ImageReference> names)
    {
        for (var depth = 0; depth < Deepest; depth++)
        {
            var manifest = ImageDocumentsJson.Read(document, ImageDocumentsJson.Default.ImageManifest, $"{_source}: manifest {digest}");
            if (manifest.IsIndex)
            {
                document = ReadBlob(ForThisMachine([.. manifest.Manifests!.OfType<ImageDescriptor>()]), "manifest");
                continue;
            }

            if (manifest is not { SchemaVersion: 2, Config: { } config, Layers: { } layers })
                throw new ImageException($"{_source}: manifest {digest} is neither an OCI manifest nor one of Docker's schema 2");
            return new SourceImage(names, digest, ReadBlob(config, "configuration"), [.. layers.Select(LayerOf)]);
        }

        throw new ImageException($"{_source}: index {digest} has indexes in indexes, more than {Deepest} deep");
    }

    private SourceLayer LayerOf(ImageDescriptor? layer) => ContentDigest.IsValid(layer?.Digest) && layer!.Size is >= 0 and var size
        ? new SourceLayer(_blob(layer.Digest!), layer.Digest, size)
        : throw new ImageException($"{_source}: a layer has no digest and size: \"{layer?.Digest}\"");

    private ImageDescriptor ForThisMachine(IReadOnlyList<ImageDescriptor> manifests) =>
        manifests.FirstOrDefault(m => m.Platform is { } platform && ImageConfig.IsThisMachine(platform.Os, platform.Architecture))
        ?? (manifests is [{ Platform: null } only] ? only : throw new ImageException(
            $"{_source} is not for {ImageConfig.ThisMachine}, which this machine is: it is for {string.Join(", ", manifests.Select(m => $"{m.Platform?.Os ?? "?"}/{m.Platform?.Architecture ?? "?"}"))}"));

    private byte[] ReadBlob(ImageDescriptor descriptor, string kind)
    {
        if (!ContentDigest.IsValid(descriptor.Digest))
            throw new ImageException($"{_source}: a {kind} has no sha256 digest: \"{descriptor.Digest}\"");
        var what = $"{_source}: {kind} {descriptor.Digest}";
        var content = _content.ReadDocument(_blob(descriptor.Digest!), what);
        return ContentDigest.Of(content) == descriptor.Digest ? content : throw new ImageException($"{what} is damaged: its content is {ContentDigest.Of(content)}");
    }
}
