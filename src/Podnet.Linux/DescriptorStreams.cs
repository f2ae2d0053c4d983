using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>Reads and writes pipes and terminals, which block, on threads of their own.</summary>
public static class DescriptorStreams
{
    private const int BlockSize = 32 * 1024; // bytes, arbitrary

    /// <summary>How long a descriptor must be quiet, after the program has ended, to count as drained. Milliseconds, arbitrary.</summary>
    private const int Quiet = 50;

    /// <summary>Bytes that a pipe which is ready takes without blocking (pipe(7), PIPE_BUF).</summary>
    private const int AtOnce = 4096;

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
                // EIO is how a terminal says that nobody has it open any more.
                if (Read(from, block) is var read && read <= 0)
                    return;
                sink(block.AsMemory(0, read));
            }
        },
        TaskCreationOptions.LongRunning);

    /// <summary>
    /// Writes all of it, and waits without a thread where the program does not read: many may not. False if nobody reads any more, or
    /// <paramref name="ended"/>.
    /// </summary>
    public static async ValueTask<bool> WriteAsync(FileHandle to, ReadOnlyMemory<byte> bytes, Task ended)
    {
        while (!bytes.IsEmpty)
        {
            if (!CanTake(to))
            {
                if (await Task.WhenAny(ended, Task.Delay(Pause)) == ended)
                    return false;
                continue;
            }
            var written = WriteSome(to, bytes.Span[..Math.Min(bytes.Length, AtOnce)]);
            if (written < 0)
                return false;
            bytes = bytes[written..];
        }

        return true;
    }

    /// <summary>Also where nobody reads any more: to write is how one learns that.</summary>
    private static unsafe bool CanTake(FileHandle to)
    {
        var item = new Libc.PollItem { Fd = to.Fd, Events = Libc.POLLOUT };
        return Libc.poll(&item, 1, 0) > 0;
    }

    /// <returns>Bytes; below 0 if nobody reads any more.</returns>
    private static unsafe int WriteSome(FileHandle to, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var written = (int)Libc.write(to.Fd, start, (nuint)bytes.Length);
            return written < 0 && (Errno)Marshal.GetLastPInvokeError() == Errno.Interrupted ? 0 : written;
        }
    }

    private static unsafe int Read(FileHandle from, byte[] block)
    {
        fixed (byte* start = block)
            return (int)Libc.read(from.Fd, start, (nuint)block.Length);
    }
}
