using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Files of less than a page, whose being there is what counts: one system call each for content, no buffers.</summary>
public static unsafe class SmallFile
{
    /// <summary>rename(2): puts a name, a link too, in the place of another at once.</summary>
    public static void Rename(string from, string to)
    {
        if (Libc.rename(from, to) != 0)
            throw KernelException.FromLastError($"rename {from} to {to}");
    }

    /// <summary>
    /// Makes a file that nobody else has made (O_EXCL). False if the name is taken. Where the content cannot be written (a full disk)
    /// the file is taken away again. It need not survive a power cut.
    /// </summary>
    public static bool TryCreate(string path, ReadOnlySpan<byte> content)
    {
        var fd = Libc.open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_CLOEXEC, 0x1A4 /* 0644 */);
        if (fd < 0)
        {
            var errno = (Errno)Marshal.GetLastPInvokeError();
            return errno == Errno.Exists ? false : throw new KernelException(errno, $"create {path}");
        }

        using var handle = new FileHandle(fd);
        try
        {
            Write(handle, content, path);
            return true;
        }
        catch
        {
            Delete(path);
            throw;
        }
    }

    /// <summary>
    /// Writes over what is there. Not atomic, not synced: for hints that may be lost. It is cut to its length afterwards, since ext4 takes a file
    /// that was emptied first for one that is being replaced, and writes it to the disk when it is closed (auto_da_alloc, ext4(5)).
    /// </summary>
    public static void Overwrite(string path, ReadOnlySpan<byte> content)
    {
        using var handle = FileHandle.Open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_NOFOLLOW, $"write {path}");
        Write(handle, content, path);
        if (Libc.lseek(handle.Fd, 0, Libc.SEEK_END) > content.Length && Libc.ftruncate(handle.Fd, content.Length) != 0)
            throw KernelException.FromLastError($"cut {path} to {content.Length} bytes");
    }

    /// <summary>Writes to what must be there already: a setting under /proc. False if it isn't.</summary>
    public static bool TryWrite(string path, ReadOnlySpan<byte> content)
    {
        var fd = Libc.open(path, Libc.O_WRONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0)
        {
            var errno = (Errno)Marshal.GetLastPInvokeError();
            return errno == Errno.NoEntry ? false : throw new KernelException(errno, $"open {path}");
        }

        using var handle = new FileHandle(fd);
        Write(handle, content, path);
        return true;
    }

    /// <summary>Reads as much as the buffer takes; −1 if there is no such file.</summary>
    public static int Read(string path, Span<byte> buffer)
    {
        var fd = Libc.open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        if (fd < 0)
        {
            var errno = (Errno)Marshal.GetLastPInvokeError();
            return errno == Errno.NoEntry ? -1 : throw new KernelException(errno, $"open {path}");
        }

        using var handle = new FileHandle(fd);
        fixed (byte* start = buffer)
        {
            var count = Libc.read(handle.Fd, start, (nuint)buffer.Length);
            return count >= 0 ? (int)count : throw KernelException.FromLastError($"read {path}");
        }
    }

    /// <summary>False if there was none.</summary>
    public static bool Delete(string path)
    {
        if (Libc.unlink(path) == 0)
            return true;
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return errno == Errno.NoEntry ? false : throw new KernelException(errno, $"delete {path}");
    }

    private static void Write(FileHandle handle, ReadOnlySpan<byte> content, string path)
    {
        fixed (byte* start = content)
        {
            var written = Libc.write(handle.Fd, start, (nuint)content.Length);
            if (written < 0)
                throw KernelException.FromLastError($"write {path}");
            if (written < content.Length) // a disk that is full after some bytes
                throw new KernelException(Errno.NoSpace, $"write {path}");
        }
    }
}
