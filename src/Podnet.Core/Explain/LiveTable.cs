using System.Collections.Immutable;
using Podnet.Core.Model;
using Podnet.Core.Nftables;

namespace Podnet.Core.Explain;

/// <summary>A rule as the kernel has it.</summary>
/// <param name="Rule">Null where it is none that Podnet writes.</param>
/// <param name="Text">In nft's words.</param>
/// <param name="Packets">Of its counter; null without one.</param>
public sealed record LiveRule(TableRule? Rule, string Text, ulong? Packets);

public sealed record LiveChain(string Name, ImmutableArray<LiveRule> Rules);

/// <param name="Packets">Of its counter, in a nat chain connections; null without one.</param>
public sealed record LiveElement(TableElement Element, ulong? Packets);

/// <summary>
/// What was read of a node's table: all its chains, and of its sets what concerns the addresses that are asked about. The sets are large
/// where there are many Services; nobody reads them as a whole to explain one.
/// </summary>
public sealed record LiveTable(
    IPFamily Family, IReadOnlyDictionary<string, LiveChain> Chains, IReadOnlyDictionary<ElementKey, LiveElement> Elements)
{
    public LiveElement? Find(ServiceSet set, FrontendAddress at, int slot = 0) => Elements.GetValueOrDefault(ElementKey.Of(set, at, slot));

    /// <summary>Those that were read.</summary>
    public IEnumerable<LiveElement> Of(ServiceSet set) => Elements.Values.Where(element => element.Element.Key.Set == set);

    /// <summary>The first elements to look up for an address; the slots of its endpoints come after (<see cref="Slots"/>).</summary>
    public static IEnumerable<ElementKey> Keys(FrontendAddress at)
    {
        ServiceSet[] sets = at.IsNodePort
            ? [ServiceSet.NodePorts, ServiceSet.NoEndpointNodePorts, ServiceSet.SessionNodePorts]
            : [ServiceSet.Services, ServiceSet.NoEndpoints, ServiceSet.SessionServices, ServiceSet.Firewalled];
        foreach (var set in sets)
            yield return ElementKey.Of(set, at);
        if (!at.IsNodePort)
            yield return new ElementKey(ServiceSet.ClusterIPs) { Address = at.Address };
    }

    /// <summary>The slots that the chain of an address chooses from.</summary>
    public IEnumerable<ElementKey> Slots(FrontendAddress at)
    {
        var entry = Find(at.IsNodePort ? ServiceSet.NodePorts : ServiceSet.Services, at)?.Element.Data.Chain;
        return entry is null
            ? []
            : Reached(entry).SelectMany(Choices).Distinct()
                .SelectMany(choice => Enumerable.Range(0, choice.Count).Select(slot => ElementKey.Of(choice.Map, at, slot)));
    }

    /// <summary>A chain and those that it sends packets on to, in the order in which it names them.</summary>
    internal IReadOnlyList<LiveChain> Reached(string chain)
    {
        var found = new List<LiveChain>();
        Visit(chain);
        return found;

        void Visit(string name)
        {
            if (!Chains.TryGetValue(name, out var next) || found.Contains(next))
                return;
            found.Add(next);
            foreach (var statement in next.Rules.SelectMany(rule => rule.Rule?.Statements ?? []))
            {
                if (statement is Jump { Chain: var jump })
                    Visit(jump);
                else if (statement is Goto { Chain: var go })
                    Visit(go);
            }
        }
    }

    internal static IEnumerable<ToEndpoint> Choices(LiveChain chain) =>
        chain.Rules.SelectMany(rule => rule.Rule?.Statements ?? []).OfType<ToEndpoint>();
}
