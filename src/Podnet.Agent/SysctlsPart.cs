using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Sysctls;

namespace Podnet.Agent;

/// <summary>Kernel settings without which nothing would be forwarded.</summary>
internal sealed class SysctlsPart(AgentOptions options) : IDataplanePart
{
    private IReadOnlyCollection<KernelSetting> _wanted = [];

    public string Name => "Kernel settings";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        // In nftables mode node ports never answer on 127.0.0.1.
        var localhost = options.ProxyMode == ProxyMode.Iptables && ServiceProxySettings.For(options, state).ServesLocalhost;
        _wanted = [.. KernelSetting.For(state, localhost), .. ConntrackSettings.For(options.Conntrack)];
        return Repair();
    }

    public string? Repair() => Reports.Text(SysctlDriver.Apply(_wanted));
}
