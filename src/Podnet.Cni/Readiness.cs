using Podnet.Cni.Ipam;
using Podnet.Cni.Protocol;
using Podnet.Linux;

namespace Podnet.Cni;

/// <summary>STATUS: "a plugin must exit with a zero return code if the plugin is ready to service ADD requests" (SPEC 1.1).</summary>
internal static class Readiness
{
    public static void Require(NetworkConfig config)
    {
        foreach (var setting in ForwardingOf(config))
        {
            if (Sysctl.Exists(setting) && Sysctl.Read(setting) == "0")
                throw new CniException(
                    CniErrorCode.LimitedConnectivity, $"{setting} is 0: pods reach nothing beyond this node", $"set it with sysctl -w {setting}=1");
        }

        if (AddressManager.FullSet(config) is { } full)
            throw new CniException(CniErrorCode.NotAvailable, $"no address is left in {full}");
    }

    private static IEnumerable<string> ForwardingOf(NetworkConfig config) => config.Ranges
        .Select(set => AddressNumber.IsIPv4(set.Ranges[0].Subnet.BaseAddress) ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding")
        .Distinct();
}
