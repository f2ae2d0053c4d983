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

    private static FileHandle Made(FileHandle parent, string name, string folder)
    {
        Directory.CreateDirectory($"{parent.Path}/{name}");
        return TryOpenBeneath(parent, name, folder) ?? throw new KernelException(Errno.NoEntry, $"open {name} inside {folder}");
    }

    private static unsafe FileHandle? TryOpenBeneath(FileHandle parent, string name, string folder)
    {
        // struct open_how (<linux/openat2.h>): flags, mode, resolve.
        var how = stackalloc ulong[3] { Libc.O_PATH | Libc.O_CLOEXEC, 0, Libc.RESOLVE_BENEATH };
        var fd = Libc.openat2(Libc.SYS_openat2, parent.Fd, name, how, 24);
        if (fd >= 0)
            return new FileHandle((int)fd);
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno == Errno.NoEntry ? null : throw new KernelException(errno, $"open {name} inside {folder}");
    }

    public static FileHandle OpenNull() => Open("/dev/null", Libc.O_RDWR, "open /dev/null");

    internal static FileHandle Open(string path, int flags, string operation)
    {
        var fd = Libc.open(path, flags | Libc.O_CLOEXEC, 0x1A0 /* 0640 */);
        return fd >= 0 ? new FileHandle(fd) : throw KernelException.FromLastError(operation);
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
