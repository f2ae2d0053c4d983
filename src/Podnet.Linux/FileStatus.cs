using System.Buffers.Binary;

namespace Podnet.Linux;

public enum FileType
{
    Other,
    Regular,
    Folder,
    Link,
    Socket,
    Pipe,
    Device,
}

/// <summary>Kind, permission bits (07777) and owner of a file, without following a link; by statx(2), Linux ≥ 4.11.</summary>
public readonly record struct FileStatus(FileType Type, int Permissions, uint User, uint Group)
{
    /// <summary>Null if there is nothing of that name.</summary>
    public static FileStatus? Of(string path) => Of(path, Libc.AT_SYMLINK_NOFOLLOW);

    /// <summary>Of what is open, whatever its name.</summary>
    public static FileStatus OfOpen(FileHandle opened) => Of(opened.Path, flags: 0)!.Value;

    private static unsafe FileStatus? Of(string path, int flags)
    {
        // struct statx (linux/stat.h), 256 bytes: u32 uid at 20, u32 gid at 24, u16 mode at 28.
        var buffer = stackalloc byte[256];
        if (Libc.statx(Libc.AT_FDCWD, path, flags, Libc.STATX_BASIC_STATS, buffer) != 0)
        {
            var failure = KernelException.FromLastError($"look at {path}");
            return failure.Errno is Errno.NoEntry or Errno.NotDirectory ? null : throw failure;
        }

        var fields = new ReadOnlySpan<byte>(buffer, 256);
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(fields[28..]);
        return new FileStatus(
            TypeOf(mode),
            mode & 0xFFF,
            BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(fields[24..]));
    }

    /// <summary>Gives a file the owner and permissions of this one.</summary>
    public void ApplyTo(string path)
    {
        FileNode.SetOwner(path, User, Group);
        File.SetUnixFileMode(path, (UnixFileMode)Permissions);
    }

    // S_IFMT of linux/stat.h.
    private static FileType TypeOf(int mode) => (mode & 0xF000) switch
    {
        0x8000 => FileType.Regular,
        0x4000 => FileType.Folder,
        0xA000 => FileType.Link,
        0xC000 => FileType.Socket,
        0x1000 => FileType.Pipe,
        0x2000 or 0x6000 => FileType.Device,
        _ => FileType.Other,
    };
}
