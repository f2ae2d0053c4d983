using System.Formats.Tar;
using System.Text;
using Podnet.Linux;

namespace Podnet.Local.Images;

/// <summary>
/// Makes of a layer's tar file (OCI image specification, layer.md) a folder that overlayfs can put on those of the layers below: whiteouts
/// become what overlayfs takes for one. Devices are left out: no container may open them, and the machine should not have them.
/// </summary>
/// <param name="layer">Where to.</param>
/// <param name="entries">How many the image may still have.</param>
internal sealed class LayerUnpacker(LayerFolder layer, int entries)
{
    private const string Whiteout = ".wh.";
    private const string Opaque = ".wh..wh..opq";

    /// <summary>Of aufs, which the format comes from: for its own use.</summary>
    private const string Internal = ".wh..wh.";

    private const string CapabilityRecord = "SCHILY.xattr.security.capability";

    /// <summary>Folders' times, set when nothing is made in them any more.</summary>
    private readonly Dictionary<string, DateTimeOffset> _folders = new(StringComparer.Ordinal);

    /// <summary>How many entries there were.</summary>
    public int Count { get; private set; }

    /// <exception cref="ImageException"/>
    /// <exception cref="InvalidDataException">It is no tar file.</exception>
    public void Unpack(Stream tar)
    {
        layer.MakeRoot();
        using var reader = new TarReader(tar, leaveOpen: true);
        while (reader.GetNextEntry() is { } entry)
        {
            if (++Count > entries)
                throw new ImageException("it has more files than an image may have");
            if (entry.EntryType is not TarEntryType.GlobalExtendedAttributes)
                Add(entry, PathOf(entry.Name));
        }

        foreach (var (path, time) in _folders)
            layer.SetTime(path, time);
    }

    /// <summary>Without "./" and "/" in front: "" is the root.</summary>
    private static string PathOf(string name)
    {
        if (name.Contains('\uFFFD'))
            throw new ImageException($"the name \"{name}\" is not UTF-8");
        if (Encoding.UTF8.GetByteCount(name) > ImageLimits.PathBytes)
            throw new ImageException($"a name is longer than {ImageLimits.PathBytes} bytes: \"{name[..64]}…\"");
        var parts = name.Split('/').Where(part => part is not ("" or ".")).ToArray();
        return parts.Contains("..") || name.Contains('\0')
            ? throw new ImageException($"\"{name}\" leads out of the image")
            : string.Join('/', parts);
    }

    private void Add(TarEntry entry, string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        if (name.StartsWith(Whiteout, StringComparison.Ordinal))
            Hide(path[..^name.Length].TrimEnd('/'), name);
        else if (entry.EntryType is TarEntryType.Directory)
            AddFolder(entry, path);
        else if (path.Length == 0)
            throw new ImageException($"\"{entry.Name}\" is the root, and no folder");
        else if (entry.EntryType is not (TarEntryType.BlockDevice or TarEntryType.CharacterDevice))
            AddFile(entry, path);
    }

    private void Hide(string folder, string name)
    {
        if (name == Opaque)
        {
            Mounts.MakeOpaque(layer.Folder(folder));
            return;
        }

        if (name.StartsWith(Internal, StringComparison.Ordinal))
            return;
        var hidden = name[Whiteout.Length..];
        if (hidden is "" or "." or "..")
            throw new ImageException($"the whiteout \"{folder}/{name}\" hides nothing that has a name");
        var path = folder.Length == 0 ? hidden : $"{folder}/{hidden}";
        // Where no other layer has the folder, a whiteout would be seen for what it is: a device.
        if (!layer.IsBelow(path))
            return;
        var place = layer.Place(path);
        // A whiteout is about the layers below: what this layer has of that name stays.
        if (FileStatus.Of(place) is not { } own)
            Mounts.CreateWhiteout(place);
        else if (own.Type == FileType.Folder)
            Mounts.MakeOpaque(place);
    }

    private void AddFolder(TarEntry entry, string path)
    {
        var place = path.Length == 0 ? layer.Folder("") : layer.Place(path);
        if (FileStatus.Of(place) is not { Type: FileType.Folder })
        {
            var hid = layer.Clear(path);
            Directory.CreateDirectory(place);
            if (hid)
                Mounts.MakeOpaque(place);
        }

        Describe(entry, place);
        _folders[path.Length == 0 ? "" : layer.RealPath(path)] = entry.ModificationTime;
    }

    private void AddFile(TarEntry entry, string path)
    {
        layer.Clear(path);
        var place = layer.Place(path);
        switch (entry.EntryType)
        {
            case TarEntryType.HardLink:
                layer.Link(PathOf(entry.LinkName), path);
                return;
            case TarEntryType.SymbolicLink:
                File.CreateSymbolicLink(place, entry.LinkName);
                break;
            case TarEntryType.Fifo:
                FileNode.CreatePipe(place);
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile when !IsSparse(entry):
                using (var file = new FileStream(place, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
                    entry.DataStream?.CopyTo(file);
                break;
            default:
                throw new ImageException($"{path} is of a kind that is not unpacked here ({(IsSparse(entry) ? "sparse file" : entry.EntryType)})");
        }

        Describe(entry, place);
        FileNode.SetTime(place, entry.ModificationTime);
    }

    /// <summary>GNU tar's, whose content is not what the file is to hold (tar manual, "Storing Sparse Files").</summary>
    private static bool IsSparse(TarEntry entry) => entry is PaxTarEntry pax && pax.ExtendedAttributes.Keys.Any(key => key.StartsWith("GNU.sparse.", StringComparison.Ordinal));

    /// <summary>Owner, permissions and file capabilities, in this order: a new owner takes away what would be somebody else's rights.</summary>
    private static void Describe(TarEntry entry, string place)
    {
        FileNode.SetOwner(place, (uint)entry.Uid, (uint)entry.Gid);
        if (entry.EntryType is TarEntryType.SymbolicLink)
            return;
        File.SetUnixFileMode(place, entry.Mode);
        if (entry is PaxTarEntry pax && entry.EntryType is TarEntryType.RegularFile && pax.ExtendedAttributes.TryGetValue(CapabilityRecord, out var text))
            FileNode.SetCapabilities(place, Capabilities(text, entry.Name));
    }

    /// <summary>
    /// The record's bytes. The tar reader takes them for UTF-8: one above 0x7F is lost, and one that is a line break ends the value; neither is
    /// guessed at.
    /// </summary>
    private static byte[] Capabilities(string text, string name)
    {
        byte[] lengths = [12, 20, 24]; // linux/capability.h, XATTR_CAPS_SZ_1 to 3
        return lengths.Contains((byte)text.Length) && text.All(char.IsAscii)
            ? Encoding.ASCII.GetBytes(text)
            : throw new ImageException($"the capabilities of {name} cannot be read");
    }
}
