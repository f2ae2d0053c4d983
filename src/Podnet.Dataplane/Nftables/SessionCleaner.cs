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
        var bound = Bound(done);
        foreach (var element in Sessions(ruleset, name).Where(element => !IsWanted(table, element, bound)))
            End(ruleset, name, element);
    }

    /// <summary>Those that <see cref="EndUnwanted"/> would end, after a plan.</summary>
    internal List<(FrontendAddress Address, ElementData Endpoint)> Unwanted(Ruleset ruleset, TableName name, ServiceTable table, TablePlan plan)
    {
        var bound = Bound(plan);
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

    /// <summary>
    /// Addresses that have come under policy Local: their clients may be at endpoints of other nodes, to which their packets would now go
    /// without masquerade, and the replies not come back this way.
    /// </summary>
    private static HashSet<FrontendAddress> Bound(TablePlan done)
    {
        var local = done.AddedElements.Where(element => IsBound(element.Data.Chain)).Select(element => element.Key).ToHashSet();
        return [.. done.DeletedElements.Where(element => !IsBound(element.Data.Chain) && local.Contains(element.Key))
            .Select(element => new FrontendAddress(element.Key.Address, element.Key.Protocol, element.Key.Port))];
    }

    private static bool IsBound(string? chain) => chain?.StartsWith("local-", StringComparison.Ordinal) == true;

    private bool IsWanted(ServiceTable table, Element element, HashSet<FrontendAddress> bound)
    {
        var (address, endpoint) = _coding.ReadSession(element);
        return !bound.Contains(address) && !bound.Contains(address with { Address = null }) && table.KeepsSession(address, endpoint);
    }
}
