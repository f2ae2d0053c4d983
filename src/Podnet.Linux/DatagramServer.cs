using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Podnet.Linux;

/// <summary>
/// A UDP socket that takes in and answers many datagrams a system call (recvmmsg(2), sendmmsg(2)), each from the address that it was sent
/// to, which a socket of all addresses would not do by itself (ip(7), IP_PKTINFO; ipv6(7), IPV6_RECVPKTINFO). For one thread, but for
/// <see cref="Send(Sender, ReadOnlySpan{byte})"/> and <see cref="Stop"/>. It belongs to the network namespace of the thread that opened it.
/// </summary>
public sealed unsafe class DatagramServer : IDisposable
{
    /// <summary>Datagrams a system call at most. Arbitrary: what it takes to wait for that many is not worth a call each.</summary>
    public const int Capacity = 64;

    /// <summary>Bytes that the kernel shall hold while nobody reads; it gives as many as net.core.rmem_max allows. Arbitrary.</summary>
    private const int KernelBuffer = 4 << 20;

    private const int AddressSize = 28; // sizeof(struct sockaddr_in6), the larger of the two
    private const int ControlSize = 40; // CMSG_SPACE(sizeof(struct in6_pktinfo)), the larger of the two
    private const int ControlData = 16; // CMSG_DATA: behind length (8 bytes), level and type (4 each)

    private readonly Socket _socket;
    private readonly int _fd;
    private readonly int _receiveSize, _replySize;
    private readonly Pipe _stop = Pipe.Create();
    private readonly byte* _memory;
    private readonly Libc.MultiMessage* _received, _replies;
    private readonly Libc.IoVector* _vectors; // of the received, then of the replies
    private readonly byte* _addresses, _controls, _buffers, _replyBuffers;
    private int _replyCount;

    private DatagramServer(Socket socket, int receiveSize, int replySize)
    {
        _socket = socket;
        _fd = (int)socket.Handle;
        (_receiveSize, _replySize) = (receiveSize, replySize);
        var messages = Capacity * sizeof(Libc.MultiMessage);
        var vectors = Capacity * sizeof(Libc.IoVector);
        var total = (2 * (messages + vectors)) + (Capacity * (AddressSize + ControlSize + receiveSize + replySize));
        var at = _memory = (byte*)NativeMemory.AllocZeroed((nuint)total);
        _received = (Libc.MultiMessage*)Take(messages);
        _replies = (Libc.MultiMessage*)Take(messages);
        _vectors = (Libc.IoVector*)Take(2 * vectors);
        _controls = Take(Capacity * ControlSize);
        _addresses = Take(Capacity * AddressSize);
        _buffers = Take(Capacity * receiveSize);
        _replyBuffers = Take(Capacity * replySize);
        for (var i = 0; i < Capacity; i++)
        {
            _vectors[i] = new Libc.IoVector { Base = _buffers + (i * receiveSize), Length = (nuint)receiveSize };
            _received[i].Message.Vectors = _vectors + i;
            _received[i].Message.VectorCount = 1;
        }

        byte* Take(int size)
        {
            var taken = at;
            at += size;
            return taken;
        }
    }

    public IPEndPoint Address => (IPEndPoint)_socket.LocalEndPoint!;

    /// <param name="address">The unspecified IPv6 address is both families'.</param>
    /// <param name="receiveSize">Bytes of a datagram that are taken in; the rest is cut off.</param>
    /// <param name="replySize">Bytes of a reply at most.</param>
    /// <exception cref="SocketException">The address cannot be had.</exception>
    public static DatagramServer Open(IPEndPoint address, int receiveSize, int replySize)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = address.Address.Equals(IPAddress.IPv6Any);
                socket.SetRawSocketOption(Libc.IPPROTO_IPV6, Libc.IPV6_RECVPKTINFO, [1, 0, 0, 0]);
            }
            else
                socket.SetRawSocketOption(Libc.IPPROTO_IP, Libc.IP_PKTINFO, [1, 0, 0, 0]);
            socket.ReceiveBufferSize = KernelBuffer;
            socket.Bind(address);
            return new DatagramServer(socket, receiveSize, replySize);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Waits for datagrams. Returns how many there are, at least one; 0 after <see cref="Stop"/>.</summary>
    public int Receive()
    {
        while (true)
        {
            for (var i = 0; i < Capacity; i++)
            {
                ref var message = ref _received[i].Message;
                message.Name = _addresses + (i * AddressSize);
                message.NameLength = AddressSize;
                message.Control = _controls + (i * ControlSize);
                message.ControlLength = ControlSize;
            }

            var count = Libc.recvmmsg(_fd, _received, Capacity, Libc.MSG_DONTWAIT, null);
            if (count > 0)
            {
                for (var i = 0; i < count; i++)
                    ForgetLink(_received[i].Message);
                return count;
            }

            if (LastError == Errno.Again)
            {
                if (!WaitReadable())
                    return 0;
            }
            else if (LastError != Errno.Interrupted)
                throw KernelException.FromLastError($"receive datagrams at {Address}");
        }
    }

    /// <summary>One of the datagrams that came last.</summary>
    public ReadOnlySpan<byte> Received(int i) => new(_buffers + (i * _receiveSize), (int)_received[i].Length);

    /// <summary>Room for the answer to it.</summary>
    public Span<byte> Reply(int i) => new(_replyBuffers + (i * _replySize), _replySize);

    /// <summary>The first bytes of the room are the answer, to be sent by <see cref="Send()"/>.</summary>
    public void Answer(int i, int length)
    {
        var vector = _vectors + Capacity + _replyCount;
        *vector = new Libc.IoVector { Base = _replyBuffers + (i * _replySize), Length = (nuint)length };
        ref var reply = ref _replies[_replyCount++].Message;
        reply = _received[i].Message; // the address and where it was sent to
        reply.Vectors = vector;
    }

    /// <summary>Sends all answers. One that cannot be sent is given up: who asked will ask again.</summary>
    public void Send()
    {
        for (var done = 0; done < _replyCount;)
        {
            var sent = Libc.sendmmsg(_fd, _replies + done, (uint)(_replyCount - done), 0);
            if (sent < 0 && LastError == Errno.Interrupted)
                continue;
            done += Math.Max(sent, 1);
        }

        _replyCount = 0;
    }

    /// <summary>Who sent a datagram, and where to, for an answer that takes longer.</summary>
    public Sender SenderOf(int i)
    {
        ref var message = ref _received[i].Message;
        return new(new ReadOnlySpan<byte>(message.Name, (int)message.NameLength).ToArray(), new ReadOnlySpan<byte>(message.Control, (int)message.ControlLength).ToArray());
    }

    /// <summary>Sends one answer, from any thread; given up where it cannot be sent.</summary>
    public void Send(Sender to, ReadOnlySpan<byte> answer)
    {
        if (_socket.SafeHandle.IsClosed)
            return;
        fixed (byte* name = to.Address, control = to.Control, data = answer)
        {
            var vector = new Libc.IoVector { Base = data, Length = (nuint)answer.Length };
            var message = new Libc.MultiMessage
            {
                Message = new()
                {
                    Name = name,
                    NameLength = (nuint)to.Address.Length,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = control,
                    ControlLength = (nuint)to.Control.Length,
                },
            };
            while (Libc.sendmmsg(_fd, &message, 1, 0) < 0 && LastError == Errno.Interrupted)
            {
            }
        }
    }

    /// <summary>Ends <see cref="Receive"/>, for good. From any thread.</summary>
    public void Stop() => _stop.Write.Dispose();

    /// <summary>When no thread uses it any more, but for answers that take longer: those are given up.</summary>
    public void Dispose()
    {
        _stop.Dispose();
        _socket.Dispose();
        NativeMemory.Free(_memory);
    }

    /// <summary>
    /// The answer goes by the routes, not by the link that the query came by: the two may differ, and a query from this host itself came by lo.
    /// Only link-local addresses mean nothing without their link.
    /// </summary>
    private static void ForgetLink(in Libc.MessageHeader message)
    {
        const int inLength = 12, in6Length = 20; // struct in_pktinfo, struct in6_pktinfo
        if (message.ControlLength < ControlData + inLength)
            return;
        var control = (byte*)message.Control;
        var data = control + ControlData;
        var level = *(int*)(control + 8);
        if (level == Libc.IPPROTO_IP)
            *(int*)data = 0; // ipi_ifindex comes first
        else if (level == Libc.IPPROTO_IPV6 && message.ControlLength >= ControlData + in6Length && !(data[0] == 0xFE && (data[1] & 0xC0) == 0x80))
            *(int*)(data + 16) = 0; // behind ipi6_addr
    }

    /// <summary>False where it was stopped.</summary>
    private bool WaitReadable()
    {
        var items = stackalloc Libc.PollItem[2];
        items[0] = new Libc.PollItem { Fd = _fd, Events = Libc.POLLIN };
        items[1] = new Libc.PollItem { Fd = _stop.Read.Fd, Events = Libc.POLLIN };
        if (Libc.poll(items, 2, -1) < 0 && LastError != Errno.Interrupted)
            throw KernelException.FromLastError($"wait for a datagram at {Address}");
        return items[1].Happened == 0;
    }

    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>struct sockaddr and control message, as the kernel gave them.</summary>
    public sealed record Sender(byte[] Address, byte[] Control);
}
