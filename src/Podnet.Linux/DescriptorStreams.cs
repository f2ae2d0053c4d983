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
                // EIO is how a terminal says that nobody has it open any more.
                if (Read(from, block) is var read && read <= 0)
                    return;
                sink(block.AsMemory(0, read));
            }
        },
        TaskCreationOptions.LongRunning);

    /// <summary>Writes all of it, blocking. False if nobody reads any more.</summary>
    public static bool Write(FileHandle to, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint written;
            fixed (byte* start = bytes)
                written = Libc.write(to.Fd, start, (nuint)bytes.Length);
            if (written < 0 && (Errno)Marshal.GetLastPInvokeError() != Errno.Interrupted)
                return false;
            bytes = bytes[(int)Math.Max(0, written)..];
        }

        return true;
    }

    private static int Read(FileHandle from, byte[] block)
    {
        fixed (byte* start = block)
            return (int)Libc.read(from.Fd, start, (nuint)block.Length);
    }
}
