using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.FastPath;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Dataplane.Routes;

namespace Podnet.Agent;

/// <summary>
/// Takes away all that agents write into a network namespace, that of the calling thread. Established connections stay as they are
/// in the kernel's memory; sysctls stay, since what they were before is not known.
/// </summary>
public static class NodeCleanup
{
    /// <summary>Says what was removed, a line each; what is not there is fine. False if something could not be removed: the rest was.</summary>
    /// <param name="cni">Files that the agent was told to write; null where it was not.</param>
    public static bool Run(TextWriter output, CniFiles? cni = null)
    {
        var all = true;
        if (cni is not null)
            all &= Try("CNI configuration", () => cni.Remove().Select(path => $"{path} deleted"));
        foreach (var family in (IPFamily[])[IPFamily.V4, IPFamily.V6])
        {
            all &= Try($"iptables rules, {family.Name()}", () => Iptables(family));
            all &= Try($"table {EgressMasquerade.TableName}, {family.Name()}", () => Nftables(family));
        }
        all &= Try("fast path", FastPath);
        all &= Try("routes to pods of other nodes", Routes);
        return all;

        bool Try(string what, Func<IEnumerable<string>> remove)
        {
            try
            {
                foreach (var line in remove())
                    output.WriteLine(line);
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                output.WriteLine($"{what}: {e.Message}");
                return false;
            }
        }
    }

    private static IEnumerable<string> Iptables(IPFamily family)
    {
        var program = family == IPFamily.V4 ? "iptables" : "ip6tables";
        if (!IptablesDriver.IsInstalled(family))
            return [];
        var sync = new IptablesDriver(family).Cleanup();
        // Written are built-in chains that lost their jumps, and chains that stay because somebody else's rule needs them.
        return [.. sync.Written.Select(chain => $"{program}: {chain} emptied of Podnet's rules"), .. sync.Deleted.Select(chain => $"{program}: {chain} deleted")];
    }

    private static IEnumerable<string> Nftables(IPFamily family) => PodnetTable.Delete(family) is { } table ? [$"nft: {table} deleted"] : [];

    private static IEnumerable<string> FastPath()
    {
        using var driver = new FastPathDriver();
        return Reports.Text(driver.Cleanup()) is { } done ? [$"fast path: {done}"] : [];
    }

    private static IEnumerable<string> Routes()
    {
        using var driver = new PodNetworkDriver();
        return Reports.Text(driver.Cleanup()) is { } done ? [$"routes: {done}"] : [];
    }
}
