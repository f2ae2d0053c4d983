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
    private static readonly ServiceSet[] Maps = [ServiceSet.Sessions, ServiceSet.LocalSessions];

    private readonly ElementCoding _coding = new(family);

    internal void EndUnwanted(Ruleset ruleset, TableName name, ServiceTable table)
    {
        foreach (var (map, session) in FindUnwanted(ruleset, name, table))
            End(ruleset, name, map, session);
    }

    /// <summary>Those that <see cref="EndUnwanted"/> would end: the cluster IP that each is kept under, and its endpoint.</summary>
    internal List<(FrontendAddress Service, ElementData Endpoint)> Unwanted(Ruleset ruleset, TableName name, ServiceTable table) =>
        FindUnwanted(ruleset, name, table).ConvertAll(one => _coding.ReadSession(one.Session));

    /// <summary>Each in a transaction of its own: one that has ended by itself meanwhile must not keep the others.</summary>
    private static void End(Ruleset ruleset, TableName name, string map, Element session)
    {
        try
        {
            ruleset.Commit(new Transaction(name).DeleteElements(map, [session]));
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            // Its time was over.
        }
    }

    private List<(string Map, Element Session)> FindUnwanted(Ruleset ruleset, TableName name, ServiceTable table)
    {
        var content = ruleset.Read(name, set => Maps.Any(map => ServiceSets.Of(map).Name == set));
        return
        [
            .. from map in Maps
               let set = ServiceSets.Of(map).Name
               from session in content?.Elements.GetValueOrDefault(set) ?? []
               let read = _coding.ReadSession(session)
               where !table.KeepsSession(read.Service, read.Endpoint, isLocal: map == ServiceSet.LocalSessions)
               select (set, session),
        ];
    }
}
