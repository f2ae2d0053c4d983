namespace Podnet.Netlink.Nftables;

/// <summary>Expressions that run one after the other until one ends the rule: a comparison that fails, or a verdict.</summary>
public sealed record Rule(string Chain, IReadOnlyList<Expression> Expressions)
{
    public string? Comment { get; init; }

    /// <summary>The kernel's number for it, by which it is deleted; 0 until it was read back.</summary>
    public ulong Handle { get; init; }

    /// <summary>Whether both do the same under the same comment in the same chain, whatever they have counted.</summary>
    public bool IsSameAs(Rule other) =>
        Chain == other.Chain && Comment == other.Comment && Expressions.SequenceEqual(other.Expressions);
}
