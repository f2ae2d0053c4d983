using System.Collections.Immutable;
using Podnet.Core.Rules;

namespace Podnet.Dataplane.Iptables;

/// <summary>
/// The chains with a rule or two per ServicePort. Rules of different Services may stand in any order there, so a Service comes
/// and goes by single rules: all others keep their counters, and nothing is written that was right.
/// </summary>
internal static class DispatchChains
{
    /// <summary>Arbitrary: to remove a rule, iptables compares it with every rule of the chain.</summary>
    private const int MostRemovals = 100;

    public static bool Contains(string chain) =>
        chain is KubeChains.Services or KubeChains.ExternalServices or KubeChains.NodePorts or KubeChains.ProxyFirewall;

    public static void Compare(TablePatch patch, IptablesChain wanted, IptablesChain there)
    {
        var tail = TailOf(wanted.Rules);
        var body = there.Rules[..Math.Max(0, there.Rules.Length - tail.Length)];
        var missing = Subtract(wanted.Rules[..^tail.Length], body);
        var wrong = Subtract(body, wanted.Rules[..^tail.Length]);
        if (!there.Rules[body.Length..].SequenceEqual(tail)
            || wrong.Count > MostRemovals
            || !NarrowBeforeBroad([.. missing, .. Subtract(body, wrong)]))
        {
            patch.Rewrite(IptablesComparer.WithCountersOf(wanted, there));
            return;
        }

        Write(patch, wanted.Name, wrong, missing);
    }

    /// <summary>The rules of one Service there.</summary>
    public static void Replace(TablePatch patch, string chain, ImmutableArray<IptablesRule> before, ImmutableArray<IptablesRule> now) =>
        Write(patch, chain, Subtract(before, now), Subtract(now, before));

    private static void Write(TablePatch patch, string chain, List<IptablesRule> wrong, List<IptablesRule> missing)
    {
        foreach (var rule in wrong)
            patch.Remove(chain, rule);
        // Each goes to the front, so the last of them first.
        foreach (var rule in Enumerable.Reverse(missing))
            patch.Insert(chain, 1, rule);
    }

    /// <summary>The jumps to the node ports, which must come after all Services.</summary>
    private static ImmutableArray<IptablesRule> TailOf(ImmutableArray<IptablesRule> rules)
    {
        var start = rules.Length;
        while (start > 0 && rules[start - 1].JumpsTo == KubeChains.NodePorts)
            start--;
        return rules[start..];
    }

    /// <summary>A node port's rule for 127.0.0.0/8 is only reached before its rule for all addresses.</summary>
    private static bool NarrowBeforeBroad(IEnumerable<IptablesRule> rules)
    {
        var broad = new HashSet<PortMatch>();
        foreach (var rule in rules)
        {
            if (rule.Match<PortMatch>() is not { } port)
                continue;
            if (rule.Match<NfacctMatch>() is not null && broad.Contains(port))
                return false;
            if (rule.Destination is null)
                broad.Add(port);
        }

        return true;
    }

    /// <summary>What is left of the first, in order; a rule that is there twice is two rules.</summary>
    private static List<IptablesRule> Subtract(IReadOnlyList<IptablesRule> from, IReadOnlyList<IptablesRule> rules)
    {
        var count = new Dictionary<IptablesRule, int>();
        foreach (var rule in rules)
            count[rule] = count.GetValueOrDefault(rule) + 1;
        var left = new List<IptablesRule>();
        foreach (var rule in from)
        {
            var n = count.GetValueOrDefault(rule);
            if (n > 0)
                count[rule] = n - 1;
            else
                left.Add(rule);
        }

        return left;
    }
}
