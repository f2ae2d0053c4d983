using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Podnet.Linux;

/// <summary>pipe(2), both ends closed on exec unless they are given to a child.</summary>
public sealed class Pipe : IDisposable
{
    private Pipe(FileHandle read, FileHandle write)
    {
        Read = read;
        Write = write;
    }

    public FileHandle Read { get; }

    public FileHandle Write { get; }

    public static unsafe Pipe Create()
    {
        var ends = stackalloc int[2];
        if (Libc.pipe2(ends, Libc.O_CLOEXEC) != 0)
            throw KernelException.FromLastError("make a pipe");
        return new Pipe(new FileHandle(ends[0]), new FileHandle(ends[1]));
    }

    /// <summary>The reading end as a stream that does not own it.</summary>
    public Stream OpenRead() => new FileStream(new SafeFileHandle(Read.Fd, ownsHandle: false), FileAccess.Read, 1);

    /// <summary>All that comes through until the last writer has closed its end, as UTF-8.</summary>
    internal Task<string> ReadToEnd() => Task.Factory.StartNew(
        () =>
        {
            using var reader = new StreamReader(OpenRead(), Encoding.UTF8);
            return reader.ReadToEnd();
        },
        TaskCreationOptions.LongRunning);

    /// <summary>Writes everything and closes the end. A reader that stops reading is no error: its exit code says why.</summary>
    internal Task Feed(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            Write.Dispose();
            return Task.CompletedTask;
        }

        return Task.Factory.StartNew(
            () =>
            {
                try
                {
                    using var stream = new FileStream(new SafeFileHandle(Write.Fd, ownsHandle: false), FileAccess.Write, 1);
                    stream.Write(input.Span);
                }
                catch (IOException)
                {
                    // EPIPE: the program ended without reading all of it.
                }
                finally
                {
                    Write.Dispose();
                }
            },
            TaskCreationOptions.LongRunning);
    }

    public void Dispose()
    {
        Read.Dispose();
        Write.Dispose();
    }
}
