using Podnet.Linux;
using Podnet.Local.Images;

namespace Podnet.Local.Kubelet;

/// <summary>
/// A container's private copy-on-write view of this machine. Its root is an empty folder of its own; of the machine there is
/// nothing in it but some overlays: /usr, /etc, /var and /opt, each below the <see cref="MaskLayer"/>. So a name at the top of
/// the machine's file system that is not one of these cannot be seen, whenever it was made. Writes go to a tmpfs of the
/// container's own and end with it.
/// </summary>
internal static class RootFilesystem
{
    /// <summary>Arbitrary; memory is used only for what is written.</summary>
    private const string WritableSize = "1g";

    private static readonly string[] Candidates = ["usr", "etc", "var", "opt", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

    private static readonly (string Name, UnixFileMode Mode)[] Fresh =
    [
        ("boot", Everybody), ("dev", Everybody), ("home", Everybody), ("media", Everybody), ("mnt", Everybody), ("proc", Everybody),
        ("root", Owner), ("run", Everybody), ("run/lock", Sticky), ("srv", Everybody), ("sys", Everybody), ("tmp", Sticky),
    ];

    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode Everybody =
        Owner | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode Sticky = Everybody | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite | UnixFileMode.StickyBit;

    /// <summary>The machine's folders that containers see; /bin and its like only where they are not links into /usr.</summary>
    public static IEnumerable<string> Trees() => Candidates.Where(name => FileStatus.Of("/" + name) is { Type: FileType.Folder });

    /// <summary>Whether a file of the machine lies in what containers see, leaving aside what the mask hides.</summary>
    public static bool Shows(string path) =>
        Trees().Any(tree => path.StartsWith($"/{tree}/", StringComparison.Ordinal));

    /// <summary>The same on an image of the store, which is whole: one overlay, on its layers.</summary>
    public static string Make(string folder, ImageStore store, StoredImage image)
    {
        var layer = MakeWritable(folder);
        var (root, upper, work) = ($"{layer}/root", $"{layer}/upper", $"{layer}/work");
        foreach (var path in (ReadOnlySpan<string>)[root, upper, work])
            MakeFolder(path, Everybody);
        store.Use(image.Layers, $"{folder}/{ImageStoreChange.LayersRecord}", lowers =>
        {
            FileStatus.Of(lowers[0])!.Value.ApplyTo(upper);
            // By handles: the paths of many layers would not fit into the page that mount(2) takes.
            var handles = lowers.Select(FileHandle.OpenFolder).ToArray();
            try
            {
                Mounts.Overlay(root, handles.Select(handle => handle.Path), upper, work);
            }
            finally
            {
                foreach (var handle in handles)
                    handle.Dispose();
            }
        });
        return root;
    }

    /// <summary>Mounts it in a container's folder; its path. Takes a few milliseconds.</summary>
    /// <param name="readOnly">Of the overlays; that of the root itself is left to runc, which still has to mount things on it.</param>
    public static string Make(string folder, string mask, ContainerImage image, bool readOnly)
    {
        var layer = MakeWritable(folder);
        var root = $"{layer}/root";
        MakeFolder(root, Everybody);
        foreach (var (name, mode) in Fresh)
            MakeFolder($"{root}/{name}", mode);
        foreach (var name in Candidates)
        {
            var status = FileStatus.Of("/" + name);
            if (status is { Type: FileType.Link })
                File.CreateSymbolicLink($"{root}/{name}", new FileInfo("/" + name).LinkTarget!);
            else if (status is { Type: FileType.Folder })
                Overlay(layer, mask, name, status.Value);
        }

        foreach (var (link, target) in image.LogLinks)
        {
            Directory.CreateDirectory(root + Path.GetDirectoryName(link));
            File.CreateSymbolicLink(root + link, target);
        }

        if (readOnly)
        {
            foreach (var name in Trees())
                Mounts.MakeReadOnly($"{root}/{name}");
        }

        return root;
    }

    private static string MakeWritable(string folder)
    {
        var layer = $"{folder}/layer";
        Directory.CreateDirectory(layer);
        Mounts.Tmpfs(layer, WritableSize);
        return layer;
    }

    private static void Overlay(string layer, string mask, string name, FileStatus status)
    {
        var (target, upper, work) = ($"{layer}/root/{name}", $"{layer}/upper/{name}", $"{layer}/work/{name}");
        Directory.CreateDirectory(target);
        Directory.CreateDirectory(upper);
        Directory.CreateDirectory(work);
        status.ApplyTo(upper);
        Mounts.Overlay(target, [$"{mask}/{name}", $"/{name}"], upper, work);
    }

    /// <summary>Whatever the umask of this process is.</summary>
    private static void MakeFolder(string path, UnixFileMode mode)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, mode);
    }
}
