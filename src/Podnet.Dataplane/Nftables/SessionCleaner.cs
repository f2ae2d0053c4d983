using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>
/// Ends sessions with endpoints that are gone, so that their clients choose anew at once. Packets add sessions, so the kernel alone knows
/// which there are.
/// </summary>
internal sealed class SessionCleaner(IPFamily family)
{
    private static readonly string s_name = ServiceSets.Of(ServiceSet.Sessions).Name;

    private readonly ElementCoding _coding = new(family);

    /// <param name="done">What was changed just now.</param>
    internal void EndUnwanted(Ruleset ruleset, TableName name, ServiceTable table, TablePlan done)
    {
        var bound = done.ComingUnderLocal;
        foreach (var element in Sessions(ruleset, name).Where(element => !IsWanted(table, element, bound)))
            End(ruleset, name, element);
    }

    /// <summary>Those that <see cref="EndUnwanted"/> would end, after a plan.</summary>
    internal List<(FrontendAddress Address, ElementData Endpoint)> Unwanted(Ruleset ruleset, TableName name, ServiceTable table, TablePlan plan)
    {
        var bound = plan.ComingUnderLocal;
        return [.. Sessions(ruleset, name).Where(element => !IsWanted(table, element, bound)).Select(_coding.ReadSession)];
    }

    private static IEnumerable<Element> Sessions(Ruleset ruleset, TableName name) =>
        ruleset.Read(name, s_name.Equals)?.Elements.GetValueOrDefault(s_name) ?? [];

    /// <summary>Each in a transaction of its own: one that has ended by itself meanwhile must not keep the others.</summary>
    private static void End(Ruleset ruleset, TableName name, Element element)
    {
        try
        {
            ruleset.Commit(new Transaction(name).DeleteElements(s_name, [element]));
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            // Its time was over.
        }
    }

    private bool IsWanted(ServiceTable table, Element element, IReadOnlySet<FrontendAddress> bound)
    {
        var (address, endpoint) = _coding.ReadSession(element);
        return !bound.Contains(address) && !bound.Contains(address with { Address = null }) && table.KeepsSession(address, endpoint);
    }
}
