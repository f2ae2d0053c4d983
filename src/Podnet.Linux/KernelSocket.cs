using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>
/// A netlink socket as a plain pipe of datagrams to and from the kernel (netlink(7)). It belongs to the network namespace of the
/// thread that opened it, for good, whichever thread uses it later. What the datagrams say is not known here.
/// </summary>
public sealed unsafe class KernelSocket : IDisposable
{
    private readonly FileHandle _handle;

    private KernelSocket(FileHandle handle, uint port) => (_handle, Port) = (handle, port);

    /// <summary>The port id that the kernel gave this socket: what it writes into the events about what was done through it.</summary>
    public uint Port { get; }

    /// <param name="protocol">NETLINK_ROUTE and so on (linux/netlink.h).</param>
    public static KernelSocket OpenNetlink(int protocol)
    {
        var fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, protocol);
        if (fd < 0)
            throw KernelException.FromLastError($"open a netlink socket of protocol {protocol}");
        var handle = new FileHandle(fd);
        Libc.NetlinkAddress address = new() { Family = Libc.AF_NETLINK }; // port 0: the kernel chooses a free one
        var size = (uint)sizeof(Libc.NetlinkAddress);
        if (Libc.bind(fd, &address, size) == 0 && Libc.getsockname(fd, &address, &size) == 0)
            return new KernelSocket(handle, address.Port);
        var failure = KernelException.FromLastError($"bind a netlink socket of protocol {protocol}");
        handle.Dispose();
        throw failure;
    }

    /// <summary>setsockopt(2) with an int.</summary>
    public void SetOption(int level, int option, int value)
    {
        if (Libc.setsockopt(_handle.Fd, level, option, &value, sizeof(int)) != 0)
            throw KernelException.FromLastError($"set socket option {level}/{option} to {value}");
    }

    /// <summary>Room for one datagram of so many bytes, beyond net.core.wmem_max (needs CAP_NET_ADMIN). The kernel doubles it for its own overhead.</summary>
    public void SetSendBuffer(int bytes) => SetOption(Libc.SOL_SOCKET, Libc.SO_SNDBUFFORCE, bytes);

    /// <summary>Room for unread datagrams, beyond net.core.rmem_max (needs CAP_NET_ADMIN).</summary>
    public void SetReceiveBuffer(int bytes) => SetOption(Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, bytes);

    /// <summary>
    /// Sends one datagram. Netlink works on it before this returns: what the kernel answers is readable straight away.
    /// Errors: EMSGSIZE where it is larger than the send buffer.
    /// </summary>
    public void Send(ReadOnlySpan<byte> datagram)
    {
        fixed (byte* start = datagram)
        {
            nint sent;
            do
            {
                sent = Libc.sendto(_handle.Fd, start, (nuint)datagram.Length, 0, null, 0);
            }
            while (sent < 0 && LastError == Errno.Interrupted);

            if (sent < 0)
                throw KernelException.FromLastError($"send {datagram.Length} bytes over netlink");
        }
    }

    /// <summary>
    /// Whether there can be a child: of native code alone. The runtime with a just-in-time compiler shares its code's pages
    /// with a child, and both fall. That runtime's host leaves this list; there is none in native code.
    /// </summary>
    private static readonly bool IsNative = AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") is null;

    /// <summary>
    /// Sends one netlink request, which must ask for an ACK, from a child process, and goes on: for a change that is long visible before the
    /// kernel is done with it. The child needs nobody, and outlives this process if need be; it closes the standard files, as whoever reads them waits until everybody has.
    /// Null where there can be no child, which is so, too, where processes or memory have run out.
    /// </summary>
    public RequestInChild? TrySendFromChild(ReadOnlySpan<byte> request)
    {
        if (!IsNative)
            return null;
        const int errorOffset = 16; // struct nlmsghdr, then the first field of struct nlmsgerr (linux/netlink.h)
        var answer = stackalloc byte[256];
        fixed (byte* start = request)
        {
            var fd = _handle.Fd;
            var pid = Libc._Fork();
            if (pid == 0)
            {
                for (var standard = 0; standard <= 2; standard++)
                {
                    if (standard != fd) // it is where this process was started without
                        Libc.CloseInChild(standard);
                }

                var answered = Libc.SendInChild(fd, start, (nuint)request.Length, 0) >= 0 && Libc.ReceiveInChild(fd, answer, 256, 0) >= errorOffset + sizeof(int);
                Libc.ExitChild(answered ? -*(int*)(answer + errorOffset) : (int)Errno.InputOutput);
            }

            return pid > 0 ? new RequestInChild(pid) : null;
        }
    }

    /// <summary>
    /// The next datagram that the kernel itself sent; those of other processes (any may send to any port) are thrown away.
    /// Errors: ENOBUFS where the kernel had to drop one because nobody read; EMSGSIZE where the buffer is too small.
    /// </summary>
    public int Receive(Span<byte> buffer) => TryReceive(buffer, wait: true)!.Value;

    /// <summary>As <see cref="Receive(Span{byte})"/>, but null where nothing is there to read.</summary>
    public int? ReceiveIfReady(Span<byte> buffer) => TryReceive(buffer, wait: false);

    /// <summary>As <see cref="Receive(Span{byte})"/>, until it is cancelled. Errors: also OperationCanceledException.</summary>
    public int Receive(Span<byte> buffer, CancellationToken cancel)
    {
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            if (ReceiveIfReady(buffer) is { } length)
                return length;
            WaitReadable(cancel);
        }
    }

    /// <summary>Until there is something to read, an error included, or it is cancelled.</summary>
    public void WaitReadable(CancellationToken cancel)
    {
        using var wake = Pipe.Create();
        using var registration = cancel.Register(wake.Write.Dispose); // whereupon the reading end is readable
        Wait(wake.Read);
    }

    /// <summary>Until there is something to read from the socket, or from the other.</summary>
    private void Wait(FileHandle other)
    {
        var items = stackalloc Libc.PollItem[2];
        items[0] = new Libc.PollItem { Fd = _handle.Fd, Events = Libc.POLLIN };
        items[1] = new Libc.PollItem { Fd = other.Fd, Events = Libc.POLLIN };
        if (Libc.poll(items, 2, -1) < 0 && LastError != Errno.Interrupted)
            throw KernelException.FromLastError("wait for a netlink message");
    }

    private int? TryReceive(Span<byte> buffer, bool wait)
    {
        // MSG_TRUNC asks for the datagram's real length, also where it did not fit (netlink(7), recv(2)).
        var flags = Libc.MSG_TRUNC | (wait ? 0 : Libc.MSG_DONTWAIT);
        fixed (byte* start = buffer)
        {
            while (true)
            {
                Libc.NetlinkAddress sender = default;
                var size = (uint)sizeof(Libc.NetlinkAddress);
                var length = Libc.recvfrom(_handle.Fd, start, (nuint)buffer.Length, flags, &sender, &size);
                if (length < 0)
                {
                    if (LastError == Errno.Interrupted)
                        continue;
                    if (LastError == Errno.Again && !wait)
                        return null;
                    throw KernelException.FromLastError("receive over netlink");
                }

                if (sender.Port != 0)
                    continue;
                return length <= buffer.Length
                    ? (int)length
                    : throw new KernelException(Errno.MessageSize, $"receive {length} bytes over netlink into {buffer.Length}");
            }
        }
    }

    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    public void Dispose() => _handle.Dispose();
}
