using System.Text.Json;
using Podnet.Linux;

namespace Podnet.Local.Images;

/// <summary>
/// The OCI images that this machine has for all its local clusters: a list of them, and the folders of their layers, each unpacked once.
/// Reading takes no lock: the list is replaced as a whole, and what it names is there.
/// </summary>
/// <param name="folder">Mode 0700: what is in it may be setuid.</param>
public sealed class ImageStore(string folder)
{
    /// <summary>Beside the clusters' folders: no cluster's name begins with a dot.</summary>
    public const string DefaultFolder = "/var/lib/podnet/.images";

    internal string Folder { get; } = folder;

    /// <summary>A folder per layer, by its chain identifier.</summary>
    internal string Layers => $"{Folder}/layers";

    /// <summary>What is being made or taken away; what is found here by the next to change the store was left by a process that was killed.</summary>
    internal string Scratch => $"{Folder}/unfinished";

    internal string Lock => $"{Folder}/lock";

    internal string UseLock => $"{Folder}/use.lock";

    private string Index => $"{Folder}/images.json";

    /// <summary>By name.</summary>
    public IReadOnlyList<StoredImage> List()
    {
        if (!File.Exists(Index))
            return [];
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Index), StoredImageJson.Default.IReadOnlyListStoredImage) ?? [];
        }
        catch (JsonException e)
        {
            throw new ImageException($"{Index} is damaged: {e.Message}; 'rm -r {Folder}' takes all images away", e);
        }
    }

    /// <summary>Null if there is none of that name.</summary>
    public StoredImage? Find(ImageReference reference)
    {
        var images = List();
        return reference.KnownAs.Select(name => images.FirstOrDefault(image => image.Name == name)).FirstOrDefault(image => image is not null)
            // One that came by another name has the same content.
            ?? (reference.Digest is { } digest ? images.FirstOrDefault(image => image.Digest == digest) : null);
    }

    /// <summary>Opens the store for a change, alone; waits for as long as somebody else changes it.</summary>
    internal ImageStoreChange Change()
    {
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new ImageStoreChange(this);
    }

    /// <summary>Takes images away. Layers go with the last image that has them and the last container that runs on them.</summary>
    /// <returns>The whole names of what went.</returns>
    /// <exception cref="ImageException">There is none of that name: nothing is changed.</exception>
    public IReadOnlyCollection<string> Remove(IReadOnlyList<ImageReference> references)
    {
        if (!Directory.Exists(Folder))
            throw new ImageException($"there is no image {references[0]}: the image store is empty");
        using var change = Change();
        var gone = references.Select(reference => Find(reference)?.Name ?? throw new ImageException($"there is no image {reference}: 'podnet image list' shows those that are")).ToHashSet();
        change.Save([.. List().Where(image => !gone.Contains(image.Name))]);
        return gone;
    }

    /// <summary>Mounts a file system on layers, so that they stay as long as it is there.</summary>
    /// <param name="record">A file in the container's folder that says which; it goes with the container.</param>
    /// <param name="mount">Is given the layers' folders, the topmost first.</param>
    /// <exception cref="ImageException">They went meanwhile.</exception>
    internal void Use(IReadOnlyList<StoredLayer> layers, string record, Action<IReadOnlyList<string>> mount)
    {
        using var held = FileLock.Acquire(UseLock);
        string[] folders = [.. layers.Reverse().Select(layer => LayerFolder(layer.Chain))];
        if (Array.Find(folders, f => !Directory.Exists(f)) is not null)
            throw new ImageException("the image was removed meanwhile");
        File.WriteAllLines(record, layers.Select(layer => layer.Chain));
        mount(folders);
    }

    internal string LayerFolder(string chain) => $"{Layers}/{ContentDigest.Hex(chain)}";

    internal void SaveList(IReadOnlyList<StoredImage> images)
    {
        // What the list names is on the disk before the list is.
        FileHandle.SyncFileSystem(Folder);
        var temporary = Index + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, [.. images.OrderBy(image => image.Name, StringComparer.Ordinal)], StoredImageJson.Default.IReadOnlyListStoredImage);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, Index, overwrite: true);
        FileHandle.SyncDirectory(Folder);
    }
}
