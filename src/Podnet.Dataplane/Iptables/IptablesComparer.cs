using System.Collections.Immutable;
using Podnet.Core.Rules;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// Sorts what is there into right, wrong and orphaned, and says how to put it right. Rules of others, in built-in chains and in
/// chains of their own, are never touched.
/// </summary>
internal static class IptablesComparer
{
    /// <param name="actual">What the kernel has or, where nobody else has been at it, what was last written.</param>
    /// <remarks>With a kubelet on the node, KUBE-FIREWALL and the jumps to it are its own as well and stay.</remarks>
    public static IptablesPatch Compare(IptablesRuleset wanted, IptablesRuleset actual)
    {
        var kubelet = actual.Table(IptablesTables.Mangle)?.Chain(KubeChains.KubeletCanary) is not null;
        return new IptablesPatch([.. wanted.Tables.Select(t => CompareTable(t, actual.Table(t.Name), kubelet))]);
    }

    private static TablePatch CompareTable(IptablesTable wanted, IptablesTable? actual, bool kubelet)
    {
        var patch = new TablePatch(wanted.Name);
        foreach (var chain in wanted.InOrder())
        {
            var there = actual?.Chain(chain.Name);
            if (chain.IsBuiltIn)
                BuiltInChains.Compare(patch, chain, there, kubelet);
            else if (there is null)
                patch.Rewrite(chain);
            else if (chain.Name == KubeChains.Firewall)
                AppendMissing(patch, chain, there);
            else if (DispatchChains.Contains(chain.Name))
                DispatchChains.Compare(patch, chain, there);
            else if (!SameRules(chain, there))
                patch.Rewrite(WithCountersOf(chain, there));
        }

        if (actual is not null)
            DeleteOrphans(patch, wanted, actual, kubelet);
        return patch;
    }

    /// <summary>The chain with the counters of those of its rules that were there already.</summary>
    internal static IptablesChain WithCountersOf(IptablesChain chain, IptablesChain there)
    {
        var counted = new Dictionary<IptablesRule, IptablesRule>();
        foreach (var rule in there.Rules)
            counted.TryAdd(rule, rule);
        return chain with { Rules = [.. chain.Rules.Select(r => counted.GetValueOrDefault(r, r))] };
    }

    private static bool SameRules(IptablesChain one, IptablesChain other) => one.Rules.AsSpan().SequenceEqual(other.Rules.AsSpan());

    /// <summary>The kubelet keeps rules in it too.</summary>
    private static void AppendMissing(TablePatch patch, IptablesChain wanted, IptablesChain there)
    {
        foreach (var rule in wanted.Rules.Except(there.Rules))
            patch.Append(wanted.Name, rule);
    }

    private static void DeleteOrphans(TablePatch patch, IptablesTable wanted, IptablesTable actual, bool kubelet)
    {
        var orphans = actual.Chains.Values
            .Where(c => !c.IsBuiltIn && KubeChains.IsOwned(c.Name) && wanted.Chain(c.Name) is null)
            .Where(c => !(kubelet && c.Name == KubeChains.Firewall))
            .OrderBy(c => c.Name, StringComparer.Ordinal)
            .ToList();
        if (orphans.Count == 0)
            return;

        // A chain that somebody else's rule jumps to cannot be deleted; emptied, it does nothing.
        var held = actual.Chains.Values
            .Where(c => !KubeChains.IsOwned(c.Name))
            .SelectMany(c => c.Rules.Where(r => !(c.IsBuiltIn && BuiltInChains.IsOurs(r))))
            .Select(r => r.JumpsTo)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var chain in orphans)
        {
            if (!held.Contains(chain.Name))
                patch.Delete(chain.Name);
            else if (!chain.Rules.IsEmpty)
                patch.Empty(chain.Name);
        }
    }
}

/// <summary>The jumps from built-in chains into ours; whatever else is in there belongs to others.</summary>
internal static class BuiltInChains
{
    /// <summary>A jump that this proxy, kube-proxy or an older one of them put there.</summary>
    public static bool IsOurs(IptablesRule rule) => rule.JumpsTo is { } chain && KubeChains.IsOwned(chain)
        && (rule.Comment?.StartsWith("kubernetes ", StringComparison.Ordinal) ?? IsKubeletJump(rule));

    public static void Compare(TablePatch patch, IptablesChain wanted, IptablesChain? actual, bool kubelet)
    {
        var there = actual?.Rules ?? [];
        InsertMissing(patch, wanted, there);
        var seen = new HashSet<IptablesRule>();
        foreach (var rule in there.Where(r => IsOurs(r) && !(kubelet && IsKubeletJump(r))))
        {
            if (!wanted.Rules.Contains(rule) || !seen.Add(rule))
                patch.Remove(wanted.Name, rule);
        }
    }

    /// <summary>
    /// A missing jump goes behind the one that it follows, or in front of everything: Services come before anybody's rules.
    /// Where jumps are, they stay: others may have put theirs before them for a reason.
    /// </summary>
    private static void InsertMissing(TablePatch patch, IptablesChain wanted, ImmutableArray<IptablesRule> there)
    {
        var now = there.ToList();
        var position = 0;
        foreach (var jump in wanted.Rules)
        {
            var found = now.IndexOf(jump);
            if (found < 0)
            {
                now.Insert(position, jump);
                patch.Insert(wanted.Name, position + 1, jump);
                found = position;
            }

            position = found + 1;
        }
    }

    private static bool IsKubeletJump(IptablesRule rule) => rule.JumpsTo == KubeChains.Firewall && rule.Text == $" -j {KubeChains.Firewall}";
}
