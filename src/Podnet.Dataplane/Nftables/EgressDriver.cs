using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// Keeps the chain and the sets that masquerade pods' traffic to beyond the cluster, in the tables <c>ip podnet</c> and
/// <c>ip6 podnet</c> of the namespace of the thread that made this. Whatever else is in those tables it leaves alone.
/// </summary>
public sealed class EgressDriver(Ruleset ruleset)
{
    /// <summary>Tries to get a change in between those of others: arbitrary.</summary>
    private const int Tries = 10;

    /// <summary>
    /// Makes the kernel's these: one transaction for each family where something is wrong, and none where nothing is. A family
    /// that is not wanted is cleaned up.
    /// </summary>
    public ApplyReport Apply(IReadOnlyCollection<EgressMasquerade> wanted)
    {
        var report = ApplyReport.Nothing;
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
        {
            var name = EgressTable.NameIn(family);
            try
            {
                var intent = wanted.FirstOrDefault(one => one.Family == family);
                report += Change(name, have => intent is null ? PlanRemoval(name, have) : Plan(name, have, intent));
            }
            catch (KernelException e)
            {
                report += new ApplyReport([], [e]);
            }
        }

        return report;
    }

    /// <summary>What <see cref="Apply"/> would do, as commands of nft.</summary>
    public IReadOnlyList<string> Preview(IReadOnlyCollection<EgressMasquerade> wanted) =>
    [
        .. ((IPFamily[])[IPFamily.V4, IPFamily.V6]).SelectMany(family =>
        {
            var name = EgressTable.NameIn(family);
            var have = ruleset.Read(name, EgressTable.SetNames.Contains);
            return (wanted.FirstOrDefault(one => one.Family == family) is { } intent ? Plan(name, have, intent) : PlanRemoval(name, have)).Commands;
        }),
    ];

    /// <summary>Takes all of it away, and the tables too where nothing else is in them.</summary>
    public ApplyReport Cleanup() => Apply([]);

    /// <summary>Reads, plans, commits; again where somebody else changed the ruleset meanwhile.</summary>
    private ApplyReport Change(TableName name, Func<TableContent?, EgressPlan> plan)
    {
        for (var attempt = 1; ; attempt++)
        {
            var changes = plan(ruleset.Read(name, EgressTable.SetNames.Contains));
            if (changes.Transaction.IsEmpty)
                return ApplyReport.Nothing;
            try
            {
                ruleset.Commit(changes.Transaction);
                return new ApplyReport([.. changes.Texts], []);
            }
            catch (KernelException e) when (e.Errno == Errno.Restart && attempt < Tries)
            {
                // The plan was for a ruleset that is no more.
            }
        }
    }

    private static EgressPlan Plan(TableName name, TableContent? have, EgressMasquerade intent)
    {
        var plan = new EgressPlan(name, have);
        if (have is null)
            plan.AddTable();
        var wanted = EgressTable.Sets(intent);
        // A set's definition cannot be changed, nor a set be deleted while a rule looks it up: then the chain goes first.
        var chainIsRight = plan.Chain == EgressTable.Chain
            && wanted.TrueForAll(one => plan.SetNamed(one.Set.Name) is not { } set || set == one.Set);
        if (plan.Chain is not null && !chainIsRight)
            plan.DeleteChain();
        foreach (var (set, elements) in wanted)
            plan.PutSet(set, elements);
        var rule = EgressTable.Rule(intent.Family);
        if (!chainIsRight)
            plan.AddChain(rule);
        else if (plan.Rules is not [var only] || !only.IsSameAs(rule))
            plan.ReplaceRules(rule);
        return plan;
    }

    private static EgressPlan PlanRemoval(TableName name, TableContent? have)
    {
        var plan = new EgressPlan(name, have);
        if (have is null)
            return plan;
        var others = have.Chains.Any(chain => chain.Name != EgressTable.Chain.Name)
            || have.Sets.Any(set => !EgressTable.SetNames.Contains(set.Name));
        if (!others)
        {
            plan.DeleteTable();
            return plan;
        }

        if (plan.Chain is not null)
            plan.DeleteChain();
        foreach (var set in have.Sets.Where(set => EgressTable.SetNames.Contains(set.Name)))
            plan.DeleteSet(set.Name);
        return plan;
    }
}
