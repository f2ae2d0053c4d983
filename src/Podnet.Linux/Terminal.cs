using System.Net.Sockets;

namespace Podnet.Linux;

/// <summary>The controlling side of a pseudo-terminal (pts(4)).</summary>
public static unsafe class Terminal
{
    /// <summary>Sets the size, in characters, that programs on it see; they get SIGWINCH (ioctl_tty(2), TIOCSWINSZ).</summary>
    public static void Resize(FileHandle terminal, ushort columns, ushort rows)
    {
        var size = stackalloc ushort[4] { rows, columns, 0, 0 }; // struct winsize: rows, columns, two unused
        if (Libc.ioctl(terminal.Fd, Libc.TIOCSWINSZ, size) != 0)
            throw KernelException.FromLastError("resize a terminal");
    }
}

/// <summary>A Unix socket at which somebody hands over one file descriptor, as runc does with a console (SCM_RIGHTS, unix(7)).</summary>
public sealed class DescriptorSocket : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    public string Path { get; }

    public DescriptorSocket(string path)
    {
        Path = path;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
    }

    public async Task<FileHandle> ReceiveAsync(CancellationToken ct)
    {
        using var peer = await _listener.AcceptAsync(ct);
        return await Task.Run(() => Receive((int)peer.Handle), ct);
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(Path);
    }

    private static unsafe FileHandle Receive(int socket)
    {
        const int pathMax = 4096; // runc sends the name of the terminal along
        var text = stackalloc byte[pathMax];
        // struct cmsghdr (<sys/socket.h>): length with header, level, type; then the descriptor, padded to 8 bytes.
        var control = stackalloc byte[24];
        var vector = new Libc.IoVector { Base = text, Length = pathMax };
        var message = new Libc.MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = 24 };
        if (Libc.recvmsg(socket, &message, Libc.MSG_CMSG_CLOEXEC) < 0)
            throw KernelException.FromLastError("receive a file descriptor");
        var header = (int*)control;
        return message.ControlLength >= 20 && header[2] == Libc.SOL_SOCKET && header[3] == Libc.SCM_RIGHTS
            ? new FileHandle(header[4])
            : throw new KernelException(Errno.Invalid, "receive a file descriptor", "none was sent");
    }
}
