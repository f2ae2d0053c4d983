using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>An exclusive flock(2), held until it is disposed or the process ends, however it ends.</summary>
public sealed class FileLock : IDisposable
{
    private readonly FileHandle _handle;

    private FileLock(FileHandle handle) => _handle = handle;

    /// <summary>Waits for as long as somebody else holds it. The file is made if it isn't there, and stays.</summary>
    public static FileLock Acquire(string path)
    {
        var handle = FileHandle.Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_NOFOLLOW, $"open {path}");
        while (Libc.flock(handle.Fd, Libc.LOCK_EX) != 0)
        {
            var errno = (Errno)Marshal.GetLastPInvokeError();
            if (errno == Errno.Interrupted)
                continue;
            handle.Dispose();
            throw new KernelException(errno, $"lock {path}");
        }

        return new FileLock(handle);
    }

    public void Dispose() => _handle.Dispose();
}
