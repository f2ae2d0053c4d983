using Podnet.Core.Rules;

namespace Podnet.Dataplane.Iptables;

/// <summary>From what Services added to the rules to what they add now, where all else is as it was: nothing is read, and no chain that stays the same is written.</summary>
internal static class ServiceDiff
{
    public static IptablesPatch Plan(IptablesChange change)
    {
        var patches = new List<TablePatch>();
        foreach (var table in (string[])[IptablesTables.Filter, IptablesTables.Nat])
        {
            var patch = new TablePatch(table);
            foreach (var (before, now) in change.Shares)
                Compare(patch, before.Table(table)!, now.Table(table)!);
            patches.Add(patch);
        }

        return new IptablesPatch(patches);
    }

    private static void Compare(TablePatch patch, IptablesTable before, IptablesTable now)
    {
        foreach (var name in before.Chains.Keys.Union(now.Chains.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var (was, chain) = (before.Chain(name), now.Chain(name));
            if (DispatchChains.Contains(name))
                DispatchChains.Replace(patch, name, was?.Rules ?? [], chain?.Rules ?? []);
            else if (chain is null)
                patch.Delete(name);
            else if (!chain.IsBuiltIn && (was is null || !was.Rules.AsSpan().SequenceEqual(chain.Rules.AsSpan())))
                patch.Rewrite(chain);
        }
    }
}
