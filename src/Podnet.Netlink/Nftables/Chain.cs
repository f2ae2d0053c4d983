namespace Podnet.Netlink.Nftables;

public sealed record Chain(string Name)
{
    /// <summary>Where the kernel calls it; null for a chain that only rules jump to.</summary>
    public ChainHook? Hook { get; init; }

    public string? Comment { get; init; }
}

/// <summary>What makes a base chain.</summary>
/// <param name="Priority">The smaller goes first at the same hook; see <see cref="ChainPriority"/>.</param>
public sealed record ChainHook(ChainType Type, Hook Hook, int Priority)
{
    /// <summary>For what reaches the chain's end: only Accept or Drop.</summary>
    public VerdictCode Policy { get; init; } = VerdictCode.Accept;
}

public enum ChainType
{
    Filter,

    /// <summary>Sees the first packet of each connection only; conntrack does the same to the others.</summary>
    Nat,

    /// <summary>Output only: where a rule changes mark or addresses, the packet is routed anew.</summary>
    Route,
}

/// <summary>NF_INET_* (linux/netfilter.h).</summary>
public enum Hook : uint
{
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}

/// <summary>NF_IP_PRI_* (linux/netfilter_ipv4.h), under nft's names.</summary>
public static class ChainPriority
{
    public const int Raw = -300;
    public const int Mangle = -150;
    public const int DestinationNat = -100;
    public const int Filter = 0;
    public const int SourceNat = 100;
}
