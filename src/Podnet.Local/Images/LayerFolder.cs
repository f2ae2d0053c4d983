using Podnet.Linux;

namespace Podnet.Local.Images;

/// <summary>
/// The folder that one layer is unpacked into, and what a path means in it: links are followed as a program would see them whose root the
/// image is, with the layers below, and nothing leads out of the folder. What earlier layers have is looked at and never changed.
/// </summary>
/// <param name="folder">Empty at first, and nobody else's.</param>
/// <param name="lowers">The folders of the layers below, the topmost first.</param>
internal sealed class LayerFolder(string folder, IReadOnlyList<string> lowers) : IDisposable
{
    /// <summary>As the kernel has it (path_resolution(7), MAXSYMLINKS).</summary>
    private const int MostLinks = 40;

    private static readonly FileStatus Made = new(FileType.Folder, 0x1ED /* 0755 */, 0, 0);

    private readonly FileHandle _root = FileHandle.OpenFolder(folder);
    private readonly IReadOnlyList<FileHandle> _lowers = [.. lowers.Select(FileHandle.OpenFolder)];

    /// <summary>The folder that was asked for last, by the path in the layer: most entries are beside the one before.</summary>
    private (string Asked, string Real, FileHandle Handle)? _last;

    /// <summary>A merged folder has the owner and permissions of the uppermost layer's: those of the one below, until an entry says otherwise.</summary>
    public void MakeRoot() => (_lowers.Count > 0 ? FileStatus.OfOpen(_lowers[0]) : Made).ApplyTo(folder);

    /// <summary>A path without links, but for what it names itself; every folder on the way is made if it isn't there.</summary>
    /// <param name="path">"etc/passwd".</param>
    /// <exception cref="ImageException">It leads through what is no folder.</exception>
    public string RealPath(string path)
    {
        var slash = path.LastIndexOf('/');
        Folder(slash < 0 ? "" : path[..slash]);
        return $"{_last!.Value.Real}/{path[(slash + 1)..]}".TrimStart('/');
    }

    /// <summary>The name of a place in the layer, for system calls that follow no link at its end; good until another folder's place is asked for.</summary>
    /// <inheritdoc cref="RealPath"/>
    public string Place(string path)
    {
        var slash = path.LastIndexOf('/');
        return $"{Folder(slash < 0 ? "" : path[..slash])}/{path[(slash + 1)..]}";
    }

    /// <summary>The name of a folder, which is made if it isn't there; good until another is asked for.</summary>
    public string Folder(string path)
    {
        if (_last is { } last && last.Asked == path)
            return last.Handle.Path + "/.";
        var real = Resolve(path);
        Forget();
        // The kernel has the last word: it follows no link here, and never leaves the folder.
        var handle = _root.TryOpenFolder(real) ?? throw new ImageException($"{path} is no folder");
        _last = (path, real, handle);
        return handle.Path + "/.";
    }

    /// <summary>Gives a file of this layer another name.</summary>
    public void Link(string from, string to)
    {
        var real = RealPath(from);
        var slash = real.LastIndexOf('/');
        using var parent = _root.TryOpenFolder(slash < 0 ? "" : real[..slash]);
        var source = $"{parent?.Path}/{real[(slash + 1)..]}";
        if (parent is null || FileStatus.Of(source) is not { Type: not (FileType.Folder or FileType.Device) })
            throw new ImageException($"{to} is a link to {from}, which is no file of this layer");
        FileNode.Link(source, Place(to));
    }

    /// <summary>Whether a layer below shows something at a place, so that it can be hidden.</summary>
    public bool IsBelow(string path) => Below(RealPath(path)) is not null;

    /// <summary>Makes room: what this layer has at a place goes, with all beneath it.</summary>
    /// <returns>It hid what the layers below have there.</returns>
    public bool Clear(string path)
    {
        var place = Place(path);
        switch (FileStatus.Of(place)?.Type)
        {
            case null:
                return false;
            case FileType.Folder:
                var hid = Mounts.IsOpaque(place);
                Directory.Delete(place, recursive: true);
                return hid;
            case FileType.Device:
                SmallFile.Delete(place);
                return true;
            default:
                SmallFile.Delete(place);
                return false;
        }
    }

    /// <summary>Nothing where there is no such folder any more.</summary>
    public void SetTime(string realPath, DateTimeOffset time)
    {
        using var handle = _root.TryOpenFolder(realPath);
        if (handle is not null)
            FileNode.SetTime(handle.Path + "/.", time);
    }

    public void Dispose()
    {
        Forget();
        _root.Dispose();
        foreach (var lower in _lowers)
            lower.Dispose();
    }

    private void Forget()
    {
        _last?.Handle.Dispose();
        _last = null;
    }

    /// <summary>The path without links, every folder on it made.</summary>
    private string Resolve(string path)
    {
        var (at, links) = ("", 0);
        var pending = new Stack<string>(path.Split('/').Reverse());
        while (pending.TryPop(out var name))
        {
            if (name is "" or ".")
                continue;
            if (name == "..") // only a link says so; the parent of the root is the root
            {
                at = at[..Math.Max(0, at.LastIndexOf('/'))];
                continue;
            }

            var next = at.Length == 0 ? name : $"{at}/{name}";
            if (next.Length > ImageLimits.PathBytes)
                throw new ImageException($"a path is longer than {ImageLimits.PathBytes} bytes: {next[..64]}…");
            if (LinkAt(next) is not { } target)
            {
                at = next;
                continue;
            }

            if (++links > MostLinks)
                throw new ImageException($"{path} leads through more than {MostLinks} links");
            at = target.StartsWith('/') ? "" : at;
            foreach (var part in target.Split('/').Reverse())
                pending.Push(part);
        }

        return at;
    }

    /// <summary>Where a link leads; null for a folder, which is made if it is only in a layer below or nowhere.</summary>
    private string? LinkAt(string path)
    {
        var own = $"{folder}/{path}";
        var status = FileStatus.Of(own);
        if (status is { Type: FileType.Folder })
            return null;
        if (status is { Type: FileType.Link })
            return new FileInfo(own).LinkTarget;
        var hidden = status is { Type: FileType.Device };
        if (status is not null && !hidden)
            throw new ImageException($"{path} is no folder, and there is something beneath it");
        var below = hidden ? null : Below(path);
        if (below is { Status.Type: FileType.Link, Target: { } target })
            return target;
        if (below is { Status.Type: not FileType.Folder })
            throw new ImageException($"{path} is no folder, and there is something beneath it");
        if (hidden)
            SmallFile.Delete(own);
        Directory.CreateDirectory(own);
        if (hidden)
            Mounts.MakeOpaque(own);
        (below?.Status ?? Made).ApplyTo(own);
        return null;
    }

    /// <summary>What the layers below show at a path whose folders are no links in this layer; null if that is nothing.</summary>
    private (FileStatus Status, string? Target)? Below(string path)
    {
        var names = path.Split('/');
        foreach (var lower in _lowers)
        {
            var (at, hides) = (lower, false);
            try
            {
                for (var i = 0; i < names.Length; i++)
                {
                    var place = $"{at.Path}/{names[i]}";
                    if (FileStatus.Of(place) is not { } status)
                        break;
                    if (i == names.Length - 1)
                        return status.Type == FileType.Device ? null : (status, status.Type == FileType.Link ? new FileInfo(place).LinkTarget : null);
                    if (at.TryOpenFolder(names[i]) is not { } inner)
                        return null; // a file or a whiteout hides whatever is beneath it
                    if (at != lower)
                        at.Dispose();
                    at = inner;
                    hides |= Mounts.IsOpaque(at.Path);
                }

                if (hides)
                    return null;
            }
            finally
            {
                if (at != lower)
                    at.Dispose();
            }
        }

        return null;
    }
}
