using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Reads and writes pipes and terminals, which block, on threads of their own.</summary>
public static unsafe class DescriptorStreams
{
    private const int BlockSize = 32 * 1024; // bytes, arbitrary

    /// <summary>How long a descriptor must be quiet, after the program has ended, to count as drained. Milliseconds, arbitrary.</summary>
    private const int Quiet = 50;

    /// <summary>
    /// Hands on what comes until there is no writer any more, or until <paramref name="ended"/> and nothing more is there: what a
    /// program leaves running in the background may keep its end open for ever. Closes the descriptor.
    /// </summary>
    /// <param name="sink">May block. When it throws, reading ends.</param>
    public static Task DrainAsync(FileHandle from, Action<ReadOnlyMemory<byte>> sink, Task ended) => Task.Factory.StartNew(
        () =>
        {
            using var owned = from;
            var block = new byte[BlockSize];
            while (true)
            {
                var over = ended.IsCompleted;
                var item = new Libc.PollItem { Fd = from.Fd, Events = Libc.POLLIN };
                var ready = Libc.poll(&item, 1, Quiet);
                if (ready == 0 && over)
                    return;
                if (ready <= 0)
                    continue;
                var read = Read(from, block);
                if (read == 0)
                    return;
                if (read > 0)
                    sink(block.AsMemory(0, read));
            }
        },
        TaskCreationOptions.LongRunning);

    /// <summary>
    /// Writes all of it, as soon as the other side takes it. False if nobody reads any more, or the writer gave up. A descriptor that
    /// was made <see cref="NonBlocking"/> is given up at once, another when what is under way has been taken.
    /// </summary>
    public static bool Write(FileHandle to, ReadOnlySpan<byte> bytes, CancellationToken giveUp)
    {
        while (!bytes.IsEmpty)
        {
            if (giveUp.IsCancellationRequested)
                return false;
            var item = new Libc.PollItem { Fd = to.Fd, Events = Libc.POLLOUT };
            if (Libc.poll(&item, 1, Quiet) <= 0)
                continue;
            nint written;
            fixed (byte* start = bytes)
                written = Libc.write(to.Fd, start, (nuint)bytes.Length);
            if (written < 0 && (Errno)Marshal.GetLastPInvokeError() is not (Errno.Interrupted or Errno.Again))
                return false;
            bytes = bytes[(int)Math.Max(0, written)..];
        }

        return true;
    }

    /// <summary>Reads and writes of this end return at once; the other end of a pipe or terminal stays as it is.</summary>
    public static FileHandle NonBlocking(FileHandle handle) => Libc.fcntl(handle.Fd, Libc.F_SETFL, Libc.O_NONBLOCK) == 0
        ? handle
        : throw KernelException.FromLastError("make a descriptor non-blocking");

    /// <summary>Negative where there is nothing yet, 0 at the end.</summary>
    private static int Read(FileHandle from, byte[] block)
    {
        fixed (byte* start = block)
        {
            var read = (int)Libc.read(from.Fd, start, (nuint)block.Length);
            // EIO is how a terminal says that nobody has it open any more.
            return read >= 0 || (Errno)Marshal.GetLastPInvokeError() is Errno.Interrupted or Errno.Again ? read : 0;
        }
    }
}
