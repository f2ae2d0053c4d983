using Podnet.Core.Model;
using Podnet.Core.Routes;
using Podnet.Dataplane.Sysctls;

namespace Podnet.Agent;

/// <summary>Kernel settings without which nothing would be forwarded.</summary>
internal sealed class SysctlsPart : IDataplanePart
{
    private IReadOnlyCollection<KernelSetting> _wanted = [];

    public string Name => "Kernel settings";

    public string? Apply(ClusterState state, ClusterChanges changes, bool readBack)
    {
        if (!changes.Nodes && !readBack)
            return null;
        // As kube-proxy's default is: node ports answer on 127.0.0.1, too.
        _wanted = KernelSetting.For(state, localhostNodePorts: true);
        return Repair();
    }

    public string? Repair() => Reports.Text(SysctlDriver.Apply(_wanted));
}
