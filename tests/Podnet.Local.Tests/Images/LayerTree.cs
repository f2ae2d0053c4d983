using Podnet.Linux;
using Podnet.Local.Images;

namespace Podnet.Local.Tests.Images;

/// <summary>Layers unpacked in a folder of the test's own, and what a container would see of them: the real overlay.</summary>
internal sealed class LayerTree : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-layers-").FullName;

    /// <summary>The topmost first.</summary>
    private readonly List<string> _layers = [];

    private string? _mounted;

    /// <summary>Somebody else's, beside the layers: nothing in it may ever change.</summary>
    public string Outside => $"{_folder}/outside";

    /// <summary>The topmost layer's folder.</summary>
    public string Top => _layers[0];

    public LayerTree()
    {
        Directory.CreateDirectory(Outside);
        File.WriteAllText($"{Outside}/secret", "untouched");
    }

    public LayerTree Add(byte[] tar, int entries = 1000)
    {
        var folder = $"{_folder}/{_layers.Count}";
        Directory.CreateDirectory(folder);
        using (var layer = new LayerFolder(folder, [.. _layers]))
        using (var stream = new MemoryStream(tar))
            new LayerUnpacker(layer, entries).Unpack(stream);
        _layers.Insert(0, folder);
        return this;
    }

    /// <summary>Where the layers are seen as one.</summary>
    public string Merged()
    {
        if (_mounted is null)
        {
            _mounted = $"{_folder}/merged";
            foreach (var name in (ReadOnlySpan<string>)["merged", "rw"])
                Directory.CreateDirectory($"{_folder}/{name}");
            Mounts.Tmpfs($"{_folder}/rw", "1m");
            Directory.CreateDirectory($"{_folder}/rw/upper");
            Directory.CreateDirectory($"{_folder}/rw/work");
            Mounts.Overlay(_mounted, _layers, $"{_folder}/rw/upper", $"{_folder}/rw/work");
        }

        return _mounted;
    }

    /// <summary>All names in the merged view; no link is followed.</summary>
    public string[] Names() =>
        [.. Podnet.Testing.Tool.Run("find", Merged(), "-mindepth", "1", "-printf", "%P\\n").Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    public void AssertOutsideIsUntouched()
    {
        Assert.Equal(["secret"], Directory.GetFileSystemEntries(Outside).Select(Path.GetFileName));
        Assert.Equal("untouched", File.ReadAllText($"{Outside}/secret"));
        Assert.Equal(1u, LinksOf($"{Outside}/secret"));
    }

    public void Dispose()
    {
        foreach (var mount in Mounts.Below(_folder))
            Mounts.UnmountIfMounted(mount);
        Directory.Delete(_folder, recursive: true);
    }

    private static uint LinksOf(string path) => uint.Parse(Podnet.Testing.Tool.Run("stat", "-c", "%h", path));
}
