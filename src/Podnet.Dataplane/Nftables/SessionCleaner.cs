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
    private static readonly HashSet<string> s_sets = [.. ServiceSets.All.Where(set => set.Dynamic).Select(set => set.Name)];

    private readonly ElementCoding _coding = new(family);

    internal void EndUnwanted(NftablesSocket socket, TableName name, ServiceTable table)
    {
        foreach (var (set, elements) in socket.Read(name, s_sets.Contains)?.Elements ?? new Dictionary<string, List<Element>>())
        {
            foreach (var element in elements.Where(element => !IsWanted(table, element)))
                End(socket, name, set, element);
        }
    }

    /// <summary>Each in a transaction of its own: one that has ended by itself meanwhile must not keep the others.</summary>
    private static void End(NftablesSocket socket, TableName name, string set, Element element)
    {
        try
        {
            socket.Commit(new Transaction(name).DeleteElements(set, [element]));
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            // Its time was over.
        }
    }

    private bool IsWanted(ServiceTable table, Element element)
    {
        var (session, endpoint) = _coding.ReadSession(element);
        return table.KeepsSession(session, endpoint);
    }
}
