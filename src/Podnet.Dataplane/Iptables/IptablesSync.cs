using System.Collections.Immutable;

namespace Podnet.Dataplane.Iptables;

/// <summary>A chain in a table, printed "nat KUBE-SERVICES".</summary>
public readonly record struct ChainName(string Table, string Chain)
{
    public override string ToString() => $"{Table} {Chain}";
}

/// <summary>What one pass of the driver changed.</summary>
/// <param name="Written">Chains that were missing or wrong; of built-in ones, only jumps into ours were touched.</param>
/// <param name="Deleted">Chains that nothing wants any more.</param>
/// <param name="RuleCounts">Rules that were written, by table.</param>
public sealed record IptablesSync(ImmutableArray<ChainName> Written, ImmutableArray<ChainName> Deleted, ImmutableDictionary<string, int> RuleCounts)
{
    public static readonly IptablesSync Nothing = new([], [], ImmutableDictionary<string, int>.Empty);

    public bool ChangedNothing => Written.IsEmpty && Deleted.IsEmpty;
}
