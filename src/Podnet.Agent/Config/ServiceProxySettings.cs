using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Netlink;
using Node = Podnet.Core.Model.Node;

namespace Podnet.Agent.Config;

/// <summary>What the agent was told, with what this node is, as the Service proxy takes it.</summary>
internal static class ServiceProxySettings
{
    /// <summary>Without what depends on the backend. Looks at this thread's namespace where node ports answer on some addresses only.</summary>
    public static ServiceProxyConfig For(AgentOptions options, ClusterState state)
    {
        var node = state.Nodes.GetValueOrDefault(options.NodeName) ?? new Node(options.NodeName);
        var nodePorts = NodePortAddresses(options, node);
        return new()
        {
            LocalTraffic = LocalTraffic(options, node),
            MasqueradeBit = options.MasqueradeBit,
            MasqueradeAll = options.MasqueradeAll,
            LocalhostNodePorts = options.LocalhostNodePorts,
            NodePortAddresses = nodePorts,
            NodeIPs = NodeIPs(options, node),
            InterfaceAddresses = nodePorts.IsEmpty ? [] : InterfaceAddresses(),
        };
    }

    /// <summary>One of each family at most: what the Node object says first, unless the agent was told another.</summary>
    public static ImmutableArray<IPAddress> NodeIPs(AgentOptions options, Node node)
    {
        var said = node.InternalIPs.DistinctBy(address => address.Family());
        return options.NodeIP is { } told ? [told, .. said.Where(address => address.Family() != told.Family())] : [.. said];
    }

    /// <summary>Where node ports answer; empty, or none of a family, means everywhere.</summary>
    public static ImmutableArray<IPNetwork> NodePortAddresses(AgentOptions options, Node node) => options.NodePortsOnPrimary
        ? [.. NodeIPs(options, node).Select(address => new IPNetwork(address, address.Family().Bits())), .. options.NodePortNetworks]
        : options.NodePortNetworks;

    /// <summary>Of the calling thread's namespace.</summary>
    public static ImmutableArray<IPAddress> InterfaceAddresses()
    {
        using var kernel = new RouteSocket();
        return [.. kernel.Addresses().Select(address => address.Ip)];
    }

    private static LocalTraffic? LocalTraffic(AgentOptions options, Node node)
    {
        var detect = options.DetectLocal ?? (options.ClusterCidrs.IsEmpty ? LocalDetection.NodeCidr : LocalDetection.ClusterCidr);
        return detect switch
        {
            LocalDetection.BridgeInterface => new LocalTraffic.FromBridge(options.DetectLocalInterface),
            LocalDetection.InterfaceNamePrefix => new LocalTraffic.FromInterfaces(options.DetectLocalInterface),
            LocalDetection.NodeCidr => node.PodCidrs.IsEmpty ? null : new LocalTraffic.FromNetworks(node.PodCidrs),
            _ => new LocalTraffic.FromNetworks(options.ClusterCidrs),
        };
    }
}
