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
/// <param name="ReadBack">The kernel was read, so this is against what was really there.</param>
public sealed record IptablesSync(ImmutableArray<ChainName> Written, ImmutableArray<ChainName> Deleted, bool ReadBack)
{
    public bool ChangedNothing => Written.IsEmpty && Deleted.IsEmpty;
}
