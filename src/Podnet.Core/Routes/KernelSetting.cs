using System.Collections.Immutable;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>A sysctl that the node's network needs, by its dotted name.</summary>
public sealed record KernelSetting(string Name, string Value)
{
    /// <summary>
    /// Those of a node. Forwarding is what makes a node a router for its pods; IPv6's only where the cluster has IPv6 pods, since
    /// a host that forwards no longer takes router advertisements (ip-sysctl.rst, accept_ra).
    /// </summary>
    /// <param name="localhostNodePorts">Node ports answer on 127.0.0.1, from where the kernel would else let nothing out.</param>
    public static ImmutableArray<KernelSetting> For(ClusterState state, bool localhostNodePorts)
    {
        var settings = ImmutableArray.CreateBuilder<KernelSetting>();
        settings.Add(new KernelSetting("net.ipv4.ip_forward", "1"));
        if (state.Nodes.Values.Any(node => node.PodCidrs.Any(cidr => cidr.Family() == IPFamily.V6)))
            settings.Add(new KernelSetting("net.ipv6.conf.all.forwarding", "1"));
        if (localhostNodePorts)
            settings.Add(new KernelSetting("net.ipv4.conf.all.route_localnet", "1"));
        return settings.ToImmutable();
    }

    /// <summary>As sysctl(8) shows and takes it.</summary>
    public override string ToString() => $"{Name} = {Value}";
}
