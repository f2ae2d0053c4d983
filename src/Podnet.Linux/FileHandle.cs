using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>An owned file descriptor.</summary>
public sealed class FileHandle : SafeHandle
{
    internal FileHandle(int fd, bool owned = true)
        : base(-1, owned) => SetHandle(fd);

    /// <summary>This process's own standard input, output and error, to hand on to a child; disposing closes nothing.</summary>
    public static FileHandle OwnInput { get; } = new(0, owned: false);

    public static FileHandle OwnOutput { get; } = new(1, owned: false);

    public static FileHandle OwnError { get; } = new(2, owned: false);

    public override bool IsInvalid => handle < 0;

    /// <summary>For a request that names it to the kernel; this must be held on to meanwhile.</summary>
    public int Descriptor => Fd;

    internal int Fd => (int)handle;

    /// <summary>Makes the names in a directory durable: what was created or renamed in it survives a power cut.</summary>
    public static void SyncDirectory(string path)
    {
        using var directory = Open(path, Libc.O_RDONLY, $"open {path}");
        if (Libc.fsync(directory.Fd) != 0)
            throw KernelException.FromLastError($"fsync {path}");
    }

    /// <summary>Opens a file to append to, made with mode 0640 if it isn't there; for a child's output.</summary>
    public static FileHandle OpenAppend(string path) =>
        Open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_APPEND, $"open {path} for appending");

    /// <summary>
    /// Gives the space of a part of the file back; it reads as zeros then, and the file's length stays (fallocate(2)). Errors:
    /// EOPNOTSUPP where the file system cannot.
    /// </summary>
    /// <param name="offset">In bytes, as is the length.</param>
    public void PunchHole(long offset, long length)
    {
        if (Libc.fallocate(Fd, Libc.FALLOC_FL_KEEP_SIZE | Libc.FALLOC_FL_PUNCH_HOLE, offset, length) != 0)
            throw KernelException.FromLastError($"punch a hole of {length} bytes");
    }

    /// <summary>Names the open file for as long as this is open, whatever becomes of the path that it was opened by (proc(5)).</summary>
    public string Path => $"/proc/self/fd/{Fd}";

    /// <summary>
    /// Opens what a path inside a folder leads to, to be named and not to be read (O_PATH). Links are followed as long as they stay
    /// inside; folders that are missing are made. Errors: EXDEV where the path leads out (openat2(2), Linux 5.6).
    /// </summary>
    public static FileHandle OpenBeneath(string folder, string path)
    {
        var at = Open(folder, Libc.O_PATH, $"open {folder}");
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            using var parent = at;
            at = TryOpenBeneath(parent, name, folder) ?? Made(parent, name, folder);
        }

        return at;
    }

    /// <summary>Opens a folder that is no link, to be named and not to be read.</summary>
    public static FileHandle OpenFolder(string path) =>
        Open(path, Libc.O_PATH | Libc.O_DIRECTORY | Libc.O_NOFOLLOW, $"open {path}");

    /// <summary>
    /// Opens a folder beneath this one, to be named and not to be read. No link is followed, and no path leads out (openat2(2), Linux 5.6).
    /// Null where there is no folder of that name, or a link is in the way.
    /// </summary>
    /// <param name="path">Relative to this folder; "" is this folder.</param>
    public FileHandle? TryOpenFolder(string path)
    {
        var fd = OpenAt2(path.Length == 0 ? "." : path, Libc.O_PATH | Libc.O_DIRECTORY, Libc.RESOLVE_BENEATH | Libc.RESOLVE_NO_SYMLINKS);
        if (fd >= 0)
            return new FileHandle(fd);
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno is Errno.NoEntry or Errno.NotDirectory or Errno.Loop ? null : throw new KernelException(errno, $"open {path} beneath {Path}");
    }

    /// <summary>Opens a regular file for reading as a program would see it whose root this folder is: links, too, stay inside. Null if there is none.</summary>
    public FileStream? TryOpenReadInRoot(string path)
    {
        // A pipe would block whoever opens it.
        var fd = OpenAt2(path, Libc.O_RDONLY | Libc.O_NONBLOCK, Libc.RESOLVE_IN_ROOT);
        if (fd >= 0)
        {
            using var opened = new FileHandle(fd);
            return FileStatus.OfOpen(opened).Type == FileType.Regular ? new FileStream(opened.Path, FileMode.Open, FileAccess.Read) : null;
        }

        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno is Errno.NoEntry or Errno.NotDirectory or Errno.Loop ? null : throw new KernelException(errno, $"open {path} in the root {Path}");
    }

    /// <summary>All that was written to the file system of this folder is on the disk when it returns (syncfs(2)).</summary>
    public static void SyncFileSystem(string folder)
    {
        using var opened = Open(folder, Libc.O_RDONLY, $"open {folder}");
        if (Libc.syncfs(opened.Fd) != 0)
            throw KernelException.FromLastError($"sync the file system of {folder}");
    }

    private static FileHandle Made(FileHandle parent, string name, string folder)
    {
        Directory.CreateDirectory($"{parent.Path}/{name}");
        return TryOpenBeneath(parent, name, folder) ?? throw new KernelException(Errno.NoEntry, $"open {name} inside {folder}");
    }

    private static FileHandle? TryOpenBeneath(FileHandle parent, string name, string folder)
    {
        var fd = parent.OpenAt2(name, Libc.O_PATH, Libc.RESOLVE_BENEATH);
        if (fd >= 0)
            return new FileHandle(fd);
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno == Errno.NoEntry ? null : throw new KernelException(errno, $"open {name} inside {folder}");
    }

    private unsafe int OpenAt2(string path, int flags, ulong resolve)
    {
        // struct open_how (<linux/openat2.h>): flags, mode, resolve.
        var how = stackalloc ulong[3] { (ulong)(flags | Libc.O_CLOEXEC), 0, resolve };
        return (int)Libc.openat2(Libc.SYS_openat2, Fd, path, how, 24);
    }

    public static FileHandle OpenNull() => Open("/dev/null", Libc.O_RDWR, "open /dev/null");

    internal static FileHandle Open(string path, int flags, string operation)
    {
        var fd = Libc.open(path, flags | Libc.O_CLOEXEC, 0x1A0 /* 0640 */);
        return fd >= 0 ? new FileHandle(fd) : throw KernelException.FromLastError(operation);
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
