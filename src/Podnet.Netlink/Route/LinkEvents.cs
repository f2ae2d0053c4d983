using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>
/// That links, or their queues and filters, of one network namespace change: that of the thread which made this, from then on. For one thread at a time.
/// </summary>
public sealed class LinkEvents : IDisposable
{
    private const int SolNetlink = 270;
    private const int AddMembership = 1; // NETLINK_ADD_MEMBERSHIP

    // RTNLGRP_* (linux/rtnetlink.h)
    private const int LinkGroup = 1;
    private const int QueueGroup = 4;

    private readonly KernelSocket _socket = KernelSocket.OpenNetlink((int)NetlinkProtocol.Route);

    /// <summary>What an event says is not looked at, so that it need not fit.</summary>
    private readonly byte[] _buffer = new byte[256];

    public LinkEvents()
    {
        _socket.SetOption(SolNetlink, AddMembership, LinkGroup);
        _socket.SetOption(SolNetlink, AddMembership, QueueGroup);
    }

    /// <summary>Whether anything changed since this was last asked, or may have: more than there was room for.</summary>
    public bool TakeAny()
    {
        for (var any = false; ; any = true)
        {
            try
            {
                if (_socket.ReceiveIfReady(_buffer) is null)
                    return any;
            }
            catch (KernelException e) when (e.Errno is Errno.NoBufferSpace or Errno.MessageSize)
            {
                // It is something all the same.
            }
        }
    }

    public void Dispose() => _socket.Dispose();
}
