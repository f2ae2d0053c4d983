namespace Podnet.Local.Images;

/// <summary>Takes images into the store: checks every digest, unpacks what is not there yet, and leaves nothing of one that is not as it should be.</summary>
/// <param name="step">Is told what is being done.</param>
public sealed class ImageLoader(ImageStore store, ImageLimits limits, Action<string> step)
{
    /// <param name="path">An OCI image layout, a folder of skopeo's dir: transport, an archive of either or of docker save, perhaps compressed with gzip.</param>
    /// <param name="name">To be kept under this name; null: under those that it says.</param>
    /// <exception cref="ImageException">Nothing of it is kept.</exception>
    public IReadOnlyList<StoredImage> Load(string path, ImageReference? name)
    {
        if (Directory.Exists(path))
        {
            using var change = Change();
            using var content = ImageContent.OfFolder(path);
            return Take(change, content, path, name);
        }

        if (!File.Exists(path))
            throw new ImageException($"{path} is not there");
        using var file = File.OpenRead(path);
        return Load(file, path, name);
    }

    /// <param name="source">For errors: where the bytes come from.</param>
    /// <inheritdoc cref="Load(string, ImageReference?)"/>
    public IReadOnlyList<StoredImage> Load(Stream archive, string source, ImageReference? name)
    {
        using var change = Change();
        // What is where is known only at its end: a copy that can be read at any place.
        var copy = change.NewScratch();
        step($"reading {source}");
        try
        {
            using var plain = new MeasuredStream(Compression.Decompressed(archive, source), limits.Bytes, () => $"{source} has more than {limits.Bytes} bytes");
            using var to = File.Create(copy);
            plain.CopyTo(to);
        }
        catch (InvalidDataException e)
        {
            throw new ImageException($"{source} is damaged: {e.Message}", e);
        }

        using var content = ImageContent.OfArchive(copy, source);
        return Take(change, content, source, name);
    }

    /// <summary>An image that skopeo fetched from a registry.</summary>
    /// <param name="folder">Of its dir: transport.</param>
    /// <param name="digest">What the registry has under the name: the digest of the image's manifest, or of an index that lists it.</param>
    /// <inheritdoc cref="Load(string, ImageReference?)"/>
    internal StoredImage TakePulled(string folder, ImageReference name, string digest)
    {
        using var change = Change();
        using var content = ImageContent.OfFolder(folder);
        var image = ImageFormats.FromSkopeoFolder(content, name.ToString()) with { Names = [name], Digest = digest };
        return Add(change, content, name.ToString(), [image], pulled: true)[0];
    }

    private ImageStoreChange Change()
    {
        step("waiting for the image store");
        return store.Change();
    }

    private IReadOnlyList<StoredImage> Take(ImageStoreChange change, ImageContent content, string source, ImageReference? name) =>
        Add(change, content, source, ImageFormats.Read(content, source, name), pulled: false);

    private List<StoredImage> Add(ImageStoreChange change, ImageContent content, string source, IReadOnlyList<SourceImage> images, bool pulled)
    {
        var stored = new List<StoredImage>();
        foreach (var image in images)
        {
            var config = ImageConfig.Read(image, source);
            var layers = Unpack(change, content, source, image, config);
            stored.AddRange(image.Names.Select(name => new StoredImage
            {
                Name = name.ToString(),
                Id = config.Id,
                Digest = image.Digest,
                Pulled = pulled,
                Added = DateTimeOffset.UtcNow,
                Layers = layers,
                Run = config.Run,
            }));
        }

        step("writing to the disk");
        change.Add(stored);
        return stored;
    }

    private List<StoredLayer> Unpack(ImageStoreChange change, ImageContent content, string source, SourceImage image, ImageConfig config)
    {
        var known = store.List().SelectMany(other => other.Layers).DistinctBy(layer => layer.Chain).ToDictionary(layer => layer.Chain, layer => layer.Size);
        var layers = new List<StoredLayer>();
        var (bytes, entries) = (limits.Bytes, limits.Entries);
        foreach (var (layer, diffId) in image.Layers.Zip(config.DiffIds))
        {
            var chain = ContentDigest.Chain(layers is [.., var below] ? below.Chain : null, diffId);
            if (!known.TryGetValue(chain, out var size) || !change.Has(chain))
            {
                step($"unpacking layer {layers.Count + 1} of {image.Layers.Count} of {image.Names[0]}");
                var folder = change.NewScratch();
                Directory.CreateDirectory(folder);
                using var target = new LayerFolder(folder, [.. Enumerable.Reverse(layers).Select(l => change.LayerFolder(l.Chain))]);
                (size, var count) = Unpack(content, source, layer, diffId, target, bytes, entries);
                entries -= count;
                bytes -= size;
                if (!change.Has(chain))
                    change.Put(chain, folder);
            }

            layers.Add(new StoredLayer(chain, size));
        }

        return layers;
    }

    private (long Bytes, int Entries) Unpack(ImageContent content, string source, SourceLayer layer, string diffId, LayerFolder target, long bytes, int entries)
    {
        var what = $"{source}: layer {layer.Digest ?? diffId}";
        using var blob = new MeasuredStream(
            content.Open(layer.File, what), layer.Size ?? limits.Bytes, () => $"{what} is longer than the {layer.Size ?? limits.Bytes} bytes that it may have");
        using var tar = new MeasuredStream(
            Compression.Decompressed(blob, what), bytes, () => $"{what} goes beyond the {limits.Bytes} bytes that an image may have unpacked", ImageLimits.HeaderBytes);
        var unpacker = new LayerUnpacker(target, entries);
        try
        {
            unpacker.Unpack(tar);
            if (tar.Finish() is var whole && whole != diffId)
                throw new ImageException($"its content is {whole}, and should be {diffId}");
            if (blob.Finish() is var packed && (layer.Digest ?? packed) != packed)
                throw new ImageException($"it is {packed}");
        }
        catch (ImageException e) when (!e.Message.StartsWith(what, StringComparison.Ordinal))
        {
            throw new ImageException($"{what}: {e.Message}", e);
        }
        catch (Exception e) when (ImageContent.IsDamage(e))
        {
            throw new ImageException($"{what} is damaged: {e.Message}", e);
        }

        return (tar.Count, unpacker.Count);
    }
}
