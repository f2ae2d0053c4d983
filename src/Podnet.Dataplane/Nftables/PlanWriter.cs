using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Routes;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>A plan as a transaction, in the plan's order.</summary>
internal sealed class PlanWriter(IPFamily family)
{
    private readonly TableName _name = new(family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, ServiceTable.Name);
    private readonly ElementCoding _coding = new(family);
    private readonly RuleCompiler _compiler = new(family);

    /// <param name="generation">The ruleset that the plan is for; null where it is for whatever there is.</param>
    internal Transaction Write(TablePlan plan, uint? generation)
    {
        var transaction = new Transaction(_name, generation);
        if (plan.AddTable)
            transaction.AddTable(EgressMasquerade.TableComment);
        foreach (var chain in plan.FlushedChains)
            transaction.FlushChain(chain);
        foreach (var set in plan.DeletedSets)
            transaction.DeleteSet(set);
        foreach (var chain in plan.ReplacedChains)
            transaction.DeleteChain(chain);
        foreach (var set in plan.AddedSets)
            transaction.AddSet(_coding.Definition(set));
        foreach (var chain in plan.AddedChains)
            transaction.AddChain(RuleCompiler.Compile(chain));
        foreach (var chain in plan.AddedChains.Concat(plan.RewrittenChains))
        {
            foreach (var rule in chain.Rules)
                transaction.AppendRule(_compiler.Compile(chain.Name, rule));
        }
        foreach (var group in plan.DeletedElements.GroupBy(element => element.Key.Set))
            transaction.DeleteElements(ServiceSets.Of(group.Key).Name, group.Select(element => _coding.Key(element.Key)));
        AddElements(transaction, plan.AddedElements);
        foreach (var chain in plan.DeletedChains)
            transaction.DeleteChain(chain);
        return transaction;
    }

    /// <summary>Those of a set that stand together share messages.</summary>
    private void AddElements(Transaction transaction, IReadOnlyCollection<TableElement> elements)
    {
        ServiceSet? set = null;
        ElementWriter writer = default;
        foreach (var element in elements)
        {
            if (element.Key.Set != set)
            {
                writer.End();
                set = element.Key.Set;
                writer = transaction.AddingElements(ServiceSets.Of(element.Key.Set).Name, elements.Count);
            }
            _coding.Add(ref writer, element);
        }
        writer.End();
    }
}
