namespace Podnet.Linux;

/// <summary>What a file has beside its content, and names that .NET cannot make. No call follows a link at the end of its path.</summary>
public static unsafe class FileNode
{
    /// <summary>Another name for the same file (link(2)).</summary>
    public static void Link(string from, string to)
    {
        if (Libc.link(from, to) != 0)
            throw KernelException.FromLastError($"link {from} to {to}");
    }

    /// <summary>A named pipe (mknod(2)).</summary>
    public static void CreatePipe(string path)
    {
        const uint pipe = 0x1180; // S_IFIFO, 0600
        if (Libc.mknod(path, pipe, 0) != 0)
            throw KernelException.FromLastError($"create pipe {path}");
    }

    public static void SetOwner(string path, uint user, uint group)
    {
        if (Libc.lchown(path, user, group) != 0)
            throw KernelException.FromLastError($"change the owner of {path}");
    }

    /// <summary>When it was last read and last modified, both.</summary>
    public static void SetTime(string path, DateTimeOffset time)
    {
        // struct timespec, twice: seconds, nanoseconds.
        var ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        if (rest < 0)
            (seconds, rest) = (seconds - 1, rest + TimeSpan.TicksPerSecond);
        var times = stackalloc long[4] { seconds, rest * TimeSpan.NanosecondsPerTick, seconds, rest * TimeSpan.NanosecondsPerTick };
        if (Libc.utimensat(Libc.AT_FDCWD, path, times, Libc.AT_SYMLINK_NOFOLLOW) != 0)
            throw KernelException.FromLastError($"set the time of {path}");
    }

    /// <summary>What a program may though whoever runs it may not (capabilities(7), "File capabilities").</summary>
    /// <param name="value">struct vfs_cap_data of linux/capability.h.</param>
    public static void SetCapabilities(string path, ReadOnlySpan<byte> value)
    {
        fixed (byte* start = value)
        {
            if (Libc.lsetxattr(path, "security.capability", start, (nuint)value.Length, 0) != 0)
                throw KernelException.FromLastError($"set the capabilities of {path}");
        }
    }
}
