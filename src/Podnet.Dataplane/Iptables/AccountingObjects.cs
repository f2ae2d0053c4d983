using Podnet.Linux;
using Podnet.Netlink;

namespace Podnet.Dataplane.Iptables;

/// <summary>The kernel's accounting objects that rules count in. A rule that names one which is not there is refused.</summary>
public static class AccountingObjects
{
    /// <summary>kube-proxy's names, in its metrics too.</summary>
    private static readonly string[] Names = ["ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts"];

    /// <summary>
    /// Makes both; false if the kernel has none (CONFIG_NETFILTER_NETLINK_ACCT): then rules must do without, see
    /// <see cref="Podnet.Core.Rules.ServiceProxyConfig.Nfacct"/>.
    /// </summary>
    public static bool TryEnsure()
    {
        try
        {
            Ensure(Names);
            return true;
        }
        catch (KernelException e) when (IsUnknown(e.Errno))
        {
            return false;
        }
    }

    /// <summary>Those that <see cref="TryEnsure"/> would make; null where the kernel has none. Changes nothing.</summary>
    public static IReadOnlyList<string>? Missing()
    {
        try
        {
            using var socket = new AccountingSocket();
            var there = socket.List().Select(counter => counter.Name).ToList();
            return [.. Names.Where(name => !there.Contains(name))];
        }
        catch (KernelException e) when (IsUnknown(e.Errno))
        {
            return null;
        }
    }

    internal static void Ensure(IEnumerable<string> names)
    {
        using var socket = new AccountingSocket();
        foreach (var name in names)
            socket.Ensure(name);
    }

    /// <summary>Those that no rule uses any more, of whatever IP family.</summary>
    internal static void DeleteUnused()
    {
        using var socket = new AccountingSocket();
        foreach (var existing in socket.List().Where(c => Names.Contains(c.Name, StringComparer.Ordinal)))
        {
            try
            {
                socket.Delete(existing.Name);
            }
            catch (KernelException e) when (e.Errno == Errno.Busy)
            {
                // The other family's rules still count in it; their cleanup takes it away.
            }
        }
    }

    /// <summary>nfnetlink answers EINVAL where a subsystem is unknown, the socket EPROTONOSUPPORT (93) where nfnetlink is.</summary>
    private static bool IsUnknown(Errno errno) => errno is Errno.Invalid or Errno.NotSupported or (Errno)93;
}
