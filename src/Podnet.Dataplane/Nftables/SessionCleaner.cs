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

    internal void EndUnwanted(NftablesSocket socket, TableName name, ServiceTable table)
    {
        var sessions = socket.Read(name, s_name.Equals)?.Elements.GetValueOrDefault(s_name) ?? [];
        foreach (var element in sessions.Where(element => !IsWanted(table, element)))
            End(socket, name, element);
    }

    /// <summary>Each in a transaction of its own: one that has ended by itself meanwhile must not keep the others.</summary>
    private static void End(NftablesSocket socket, TableName name, Element element)
    {
        try
        {
            socket.Commit(new Transaction(name).DeleteElements(s_name, [element]));
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            // Its time was over.
        }
    }

    private bool IsWanted(ServiceTable table, Element element)
    {
        var (address, endpoint) = _coding.ReadSession(element);
        return table.KeepsSession(address, endpoint);
    }
}
