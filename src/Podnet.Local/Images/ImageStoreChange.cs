using Podnet.Linux;

namespace Podnet.Local.Images;

/// <summary>
/// The store, while one process changes it. Whatever it did not come to name in the list is gone when this ends, and also when the process is
/// killed: then the next change takes it away.
/// </summary>
internal sealed class ImageStoreChange : IDisposable
{
    /// <summary>In a container's folder: the chain identifiers of the layers that it runs on, a line each.</summary>
    public const string LayersRecord = "image-layers";

    private readonly ImageStore _store;
    private readonly FileLock _lock;
    private int _made;

    public ImageStoreChange(ImageStore store)
    {
        _store = store;
        _lock = FileLock.Acquire(store.Lock);
        try
        {
            DeleteScratch();
            Directory.CreateDirectory(store.Layers);
            Directory.CreateDirectory(store.Scratch);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>A path of this change's own, with nothing there yet.</summary>
    public string NewScratch() => $"{_store.Scratch}/{_made++}";

    /// <summary>Whether the layer is in the store, of whichever image.</summary>
    public bool Has(string chain) => Directory.Exists(_store.LayerFolder(chain));

    /// <summary>Puts an unpacked layer in its place.</summary>
    public void Put(string chain, string unpacked) => SmallFile.Rename(unpacked, _store.LayerFolder(chain));

    public string LayerFolder(string chain) => _store.LayerFolder(chain);

    /// <summary>Adds images; those that had their names before lose them.</summary>
    public void Add(IReadOnlyList<StoredImage> images) =>
        Save([.. _store.List().Where(old => images.All(image => image.Name != old.Name)), .. images]);

    public void Save(IReadOnlyList<StoredImage> images) => _store.SaveList(images);

    public void Dispose()
    {
        try
        {
            SetAsideUnused();
            DeleteScratch();
        }
        finally
        {
            _lock.Dispose();
        }
    }

    /// <summary>Layers that no image has and no container runs on; who starts a container on some of them now finds them all, or none.</summary>
    private void SetAsideUnused()
    {
        var named = _store.List().SelectMany(image => image.Layers).Select(layer => _store.LayerFolder(layer.Chain)).ToHashSet(StringComparer.Ordinal);
        using var held = FileLock.Acquire(_store.UseLock);
        var used = Used().Select(_store.LayerFolder).ToHashSet(StringComparer.Ordinal);
        foreach (var layer in Directory.EnumerateDirectories(_store.Layers).Where(layer => !named.Contains(layer) && !used.Contains(layer)).ToArray())
            SmallFile.Rename(layer, NewScratch());
    }

    /// <summary>By the containers' folders of all clusters, which come and go meanwhile.</summary>
    private static IEnumerable<string> Used()
    {
        // CLUSTER/containers/NODE/CONTAINER (ClusterPaths.Containers)
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4, AttributesToSkip = FileAttributes.ReparsePoint };
        return Directory.Exists(ClusterPaths.RunFolder)
            ? Directory.EnumerateFiles(ClusterPaths.RunFolder, LayersRecord, options).ToArray().SelectMany(Read)
            : [];
    }

    private static string[] Read(string record)
    {
        try
        {
            return File.ReadAllLines(record);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return []; // its container has ended
        }
    }

    private void DeleteScratch()
    {
        if (Directory.Exists(_store.Scratch))
            Directory.Delete(_store.Scratch, recursive: true);
    }
}
