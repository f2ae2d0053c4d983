using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Reads and writes pipes and terminals, which block, on threads of their own.</summary>
public static class DescriptorStreams
{
    private const int BlockSize = 32 * 1024; // bytes, arbitrary

    /// <summary>How long a descriptor must be quiet, after the program has ended, to count as drained. Milliseconds, arbitrary.</summary>
    private const int Quiet = 50;

    /// <summary>Milliseconds until a program that does not read is looked at again; arbitrary.</summary>
    private const int Pause = 10;

    /// <summary>
    /// Hands on what comes until there is no writer any more, or until <paramref name="ended"/> and nothing more is there: what a
    /// program leaves running in the background may keep its end open for ever. Closes the descriptor.
    /// </summary>
    /// <param name="sink">May block. When it throws, reading ends.</param>
    public static unsafe Task DrainAsync(FileHandle from, Action<ReadOnlyMemory<byte>> sink, Task ended) => Task.Factory.StartNew(
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

    /// <summary>Writes all of it, and waits on this thread where nobody reads yet. False if nobody reads any more.</summary>
    public static unsafe bool Write(FileHandle to, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var item = new Libc.PollItem { Fd = to.Fd, Events = Libc.POLLOUT };
            Libc.poll(&item, 1, -1); // one that was made non-blocking by whoever started this has no room perhaps
            var written = WriteSome(to, bytes);
            if (written < 0)
                return false;
            bytes = bytes[written..];
        }

        return true;
    }

    /// <summary>
    /// Writes all of it to a descriptor that is <see cref="NonBlocking"/>, and waits without a thread where the program does not read: many may
    /// not. False if nobody reads any more, or the writer gave up.
    /// </summary>
    public static async ValueTask<bool> WriteAsync(FileHandle to, ReadOnlyMemory<byte> bytes, CancellationToken giveUp)
    {
        while (!bytes.IsEmpty)
        {
            if (giveUp.IsCancellationRequested)
                return false;
            var written = WriteSome(to, bytes.Span);
            if (written < 0)
                return false;
            bytes = bytes[written..];
            if (written == 0)
                await Task.Delay(Pause, CancellationToken.None);
        }

        return true;
    }

    /// <summary>Reads and writes of this end return at once; the other end of a pipe or terminal stays as it is.</summary>
    public static FileHandle NonBlocking(FileHandle handle) => Libc.fcntl(handle.Fd, Libc.F_SETFL, Libc.O_NONBLOCK) == 0
        ? handle
        : throw KernelException.FromLastError("make a descriptor non-blocking");

    /// <returns>Bytes, 0 where there is no room; below 0 if nobody reads any more.</returns>
    private static unsafe int WriteSome(FileHandle to, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var written = (int)Libc.write(to.Fd, start, (nuint)bytes.Length);
            return written < 0 && (Errno)Marshal.GetLastPInvokeError() is Errno.Interrupted or Errno.Again ? 0 : written;
        }
    }

    /// <summary>Negative where there is nothing yet, 0 at the end.</summary>
    private static unsafe int Read(FileHandle from, byte[] block)
    {
        fixed (byte* start = block)
        {
            var read = (int)Libc.read(from.Fd, start, (nuint)block.Length);
            // EIO is how a terminal says that nobody has it open any more.
            return read >= 0 || (Errno)Marshal.GetLastPInvokeError() is Errno.Interrupted or Errno.Again ? read : 0;
        }
    }
}
