namespace Podnet.Netlink.Nftables;

/// <summary>NFPROTO_* (linux/netfilter.h): which packets a table sees.</summary>
public enum TableFamily : byte
{
    Inet = 1,
    Ip = 2,

    /// <summary>Hooks at input and output alone.</summary>
    Arp = 3,
    Ip6 = 10,
}

/// <summary>What names a table.</summary>
public readonly record struct TableName(TableFamily Family, string Name)
{
    /// <summary>As nft writes it: "ip podnet".</summary>
    public override string ToString() => $"{(Family switch { TableFamily.Ip => "ip", TableFamily.Ip6 => "ip6", TableFamily.Arp => "arp", _ => "inet" })} {Name}";
}

public sealed record Table(TableName Name)
{
    /// <summary>Shown by nft; null without one.</summary>
    public string? Comment { get; init; }
}
