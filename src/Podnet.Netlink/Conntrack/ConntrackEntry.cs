namespace Podnet.Netlink;

/// <summary>
/// A connection that the kernel tracks. The reply tuple shows what NAT did: its source is where the packets really go (DNAT),
/// its destination what they seem to come from (SNAT, masquerade).
/// </summary>
public sealed record ConntrackEntry(FlowTuple Original, FlowTuple Reply)
{
    public ConntrackStatus Status { get; init; }

    /// <summary>Null for a protocol other than TCP.</summary>
    public TcpState? Tcp { get; init; }

    /// <summary>The connection's own mark (connmark), not that of its packets.</summary>
    public uint Mark { get; init; }

    /// <summary>CTA_ID: tells this connection from a later one with the same tuples.</summary>
    public uint Id { get; init; }

    /// <summary>Seconds until it is forgotten, unless a packet comes.</summary>
    public uint Timeout { get; init; }
}

/// <summary>enum tcp_conntrack (linux/netfilter/nf_conntrack_tcp.h): what packets of both sides say.</summary>
public enum TcpState : byte
{
    None = 0,
    SynSent = 1,
    SynReceived = 2,
    Established = 3,
    FinWait = 4,
    CloseWait = 5,
    LastAck = 6,
    TimeWait = 7,
    Close = 8,
    SynSentByBoth = 9,
}

/// <summary>IPS_* (linux/netfilter/nf_conntrack_common.h), those that matter here.</summary>
[Flags]
public enum ConntrackStatus : uint
{
    None = 0,
    SeenReply = 1 << 1,
    Assured = 1 << 2,
    Confirmed = 1 << 3,
    SourceNat = 1 << 4,
    DestinationNat = 1 << 5,
    Dying = 1 << 9,
}
