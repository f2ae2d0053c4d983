using Podnet.Linux;

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

    /// <summary>Mounts it in a container's folder; its path. Takes a few milliseconds.</summary>
    /// <param name="readOnly">Of the overlays; that of the root itself is left to runc, which still has to mount things on it.</param>
    public static string Make(string folder, string mask, ContainerImage image, bool readOnly)
    {
        var layer = $"{folder}/layer";
        Directory.CreateDirectory(layer);
        Mounts.Tmpfs(layer, WritableSize);
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
