using System.Globalization;
using Podnet.Core.Routes;

namespace Podnet.Agent.Config;

/// <summary>Sysctls of connection tracking that the agent was told to set (nf_conntrack-sysctl.rst); whole seconds.</summary>
internal static class ConntrackSettings
{
    private const string Prefix = "net.netfilter.nf_conntrack_";

    /// <summary>All but the number of connections: that is the machine's, not the namespace's.</summary>
    public static IEnumerable<KernelSetting> For(ConntrackOptions options)
    {
        (string Name, TimeSpan? Timeout)[] timeouts =
        [
            ("tcp_timeout_established", options.TcpEstablished),
            ("tcp_timeout_close_wait", options.TcpCloseWait),
            ("udp_timeout", options.Udp),
            ("udp_timeout_stream", options.UdpStream),
        ];
        foreach (var (name, timeout) in timeouts)
        {
            if (timeout is { } set)
                yield return new KernelSetting(Prefix + name, ((long)set.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        }

        if (options.TcpBeLiberal)
            yield return new KernelSetting(Prefix + "tcp_be_liberal", "1");
    }
}
