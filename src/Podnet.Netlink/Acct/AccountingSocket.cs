using Podnet.Linux;

namespace Podnet.Netlink;

/// <summary>
/// Netfilter's named packet counters (nfnetlink_acct, Linux 3.3), of the namespace of the thread that made this. The iptables
/// match <c>-m nfacct</c> counts into one, and refuses a rule whose counter is not there.
/// </summary>
public sealed class AccountingSocket : IDisposable
{
    private const int Subsystem = 7; // NFNL_SUBSYS_ACCT
    private static readonly ushort New = NetfilterHeader.Type(Subsystem, 0);
    private static readonly ushort Get = NetfilterHeader.Type(Subsystem, 1);
    private static readonly ushort Remove = NetfilterHeader.Type(Subsystem, 3);

    // NFACCT_* (linux/netfilter/nfnetlink_acct.h)
    private const int NameAttribute = 1;
    private const int PacketsAttribute = 2;
    private const int BytesAttribute = 3;

    private readonly NetlinkSocket _socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);

    /// <summary>Makes a counter, at zero, where it is not there; true if it did.</summary>
    /// <param name="name">At most 31 bytes (NFACCT_NAME_MAX).</param>
    public bool Ensure(string name)
    {
        try
        {
            Execute(New, NetlinkFlags.Create | NetlinkFlags.Exclusive, name, "create");
            return true;
        }
        catch (KernelException e) when (e.Errno == Errno.Exists)
        {
            return false;
        }
    }

    public List<AccountingCounter> List()
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(Get, NetlinkFlags.Dump);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified));
        request.End(writer, "list accounting counters");
        return _socket.Dump(request, Decode);
    }

    /// <summary>True if it was there. Errors: EBUSY while a rule counts into it.</summary>
    public bool Delete(string name)
    {
        try
        {
            Execute(Remove, NetlinkFlags.None, name, "delete");
            return true;
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            return false;
        }
    }

    public void Dispose() => _socket.Dispose();

    private void Execute(ushort type, NetlinkFlags flags, string name, string verb)
    {
        var request = new NetlinkBatch();
        var writer = request.Begin(type, flags | NetlinkFlags.Ack);
        writer.PutFixed(new NetfilterHeader(AddressFamily.Unspecified));
        writer.PutText(NameAttribute, name);
        request.End(writer, $"{verb} accounting counter {name}");
        _socket.Execute(request);
    }

    private static AccountingCounter Decode(NetlinkMessage message)
    {
        var counter = new AccountingCounter("", 0, 0);
        var attributes = message.AttributesAfter<NetfilterHeader>();
        while (attributes.MoveNext())
        {
            counter = attributes.Type switch
            {
                NameAttribute => counter with { Name = attributes.Text },
                PacketsAttribute => counter with { Packets = attributes.U64BigEndian },
                BytesAttribute => counter with { Bytes = attributes.U64BigEndian },
                _ => counter,
            };
        }

        return counter;
    }
}

public sealed record AccountingCounter(string Name, ulong Packets, ulong Bytes);
