using Podnet.Core.Model;
using Podnet.Linux;
using Podnet.Netlink.Nftables;

namespace Podnet.Dataplane.Nftables;

/// <summary>The table <c>ip podnet</c> or <c>ip6 podnet</c> as a whole; what is in it is several drivers' business.</summary>
public static class PodnetTable
{
    /// <summary>Its name, "table ip podnet", if it was there and is gone now.</summary>
    public static string? Delete(IPFamily family)
    {
        var name = EgressTable.NameIn(family);
        using var socket = new NftablesSocket();
        try
        {
            socket.Commit(new Transaction(name).DeleteTable());
            return $"table {name}";
        }
        catch (KernelException e) when (e.Errno == Errno.NoEntry)
        {
            return null;
        }
    }
}
