using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Explain;
using Podnet.Core.Model;
using Podnet.Core.Rules;
using Podnet.Dataplane.Iptables;
using Podnet.Dataplane.Nftables;
using Podnet.Linux;
using Podnet.Netlink;
using Podnet.Netlink.Nftables;
using Node = Podnet.Core.Model.Node;

namespace Podnet.Dataplane;

/// <summary>Reads from the calling thread's network namespace what an explanation is made of; changes nothing.</summary>
public static class ExplainReader
{
    public static ExplainInput Read(string nodeName, ExplainedService service, ImmutableArray<Node> nodes)
    {
        var families = service.ClusterIPs.Select(a => a.Family()).Distinct().ToList();
        ImmutableArray<LiveTable> tables =
            [.. families.Select(family => new ServiceTableReader(family).Read([.. TableExplainer.AddressesOf(service, family)])).OfType<LiveTable>()];
        // Of a node in nftables mode iptables is asked nothing: it need not even be there.
        ImmutableArray<IptablesRuleset> rulesets = tables.IsEmpty ? [.. families.Select(family => new IptablesTool(family).Save())] : [];
        var endpoints = ServiceExplainer.EndpointAddresses(rulesets, service).Concat(tables.SelectMany(TableExplainer.EndpointAddresses)).Distinct();
        using var kernel = new RouteSocket();
        var names = kernel.Links().ToDictionary(l => l.Index, l => l.Name);
        return new ExplainInput(nodeName, service)
        {
            Addresses = [.. kernel.Addresses().Select(a => new InterfaceAddress(names.GetValueOrDefault(a.Device, $"{a.Device}"), a.Ip))],
            Rulesets = rulesets,
            Tables = tables,
            HasBothModes = tables.Any(table => HasIptablesMode(table.Family)),
            Nodes = nodes,
            Routes = endpoints
                .Select(address => (address, route: Lookup(kernel, names, address)))
                .Where(found => found.route is not null)
                .ToDictionary(found => found.address, found => found.route!),
        };
    }

    /// <summary>As far as nf_tables knows: rules of the older iptables are not in it.</summary>
    private static bool HasIptablesMode(IPFamily family)
    {
        using var socket = new NftablesSocket();
        return socket.HasChain(new TableName(family == IPFamily.V4 ? TableFamily.Ip : TableFamily.Ip6, IptablesTables.Nat), KubeChains.Services);
    }

    /// <summary>Null where the kernel has no route.</summary>
    private static RouteLookup? Lookup(RouteSocket kernel, Dictionary<int, string> names, IPAddress address)
    {
        try
        {
            var way = kernel.Lookup(address);
            // The kernel answers for the one address; the route that it took stands in the table.
            var taken = kernel.Routes()
                .Where(r => r.Device == way.Device && Equals(r.Gateway, way.Gateway) && r.Destination.Contains(address))
                .MaxBy(r => r.Destination.PrefixLength);
            return new RouteLookup(names.GetValueOrDefault(way.Device, $"{way.Device}"), way.Gateway, way.PreferredSource, taken?.Destination);
        }
        catch (KernelException e) when (e.Errno is Errno.NetworkUnreachable or Errno.HostUnreachable or Errno.Access)
        {
            return null;
        }
    }
}
