using Podnet.Agent.Config;
using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Sysctls;

namespace Podnet.Agent;

/// <summary>Kernel settings without which nothing would be forwarded.</summary>
internal sealed class SysctlsPart(AgentOptions options) : IPreviewedPart
{
    private IReadOnlyCollection<KernelSetting> _wanted = [];

    public string Name => "Kernel settings";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        _wanted = Wanted(state);
        return Repair();
    }

    public PartPreview Preview(ClusterState state) =>
        PartPreview.Of(Tools.Shell, SysctlDriver.Preview(Wanted(state)).Select(setting => $"sysctl -w {setting.Name}={setting.Value}"));

    public string? Repair() => Reports.Text(SysctlDriver.Apply(_wanted));

    private List<KernelSetting> Wanted(ClusterState state)
    {
        // In nftables mode node ports never answer on 127.0.0.1.
        var localhost = options.ProxyMode == ProxyMode.Iptables && ServiceProxySettings.For(options, state).ServesLocalhost;
        return [.. KernelSetting.For(state, localhost), .. ConntrackSettings.For(options.Conntrack)];
    }
}
