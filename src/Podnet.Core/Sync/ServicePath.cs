using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Rules;
using Podnet.Core.Services;

namespace Podnet.Core.Sync;

/// <summary>What rules do with new connections to an address: one of the endpoints that they send them to.</summary>
/// <param name="Service">"default/nginx:web", as the rules themselves say it.</param>
/// <param name="Endpoint">Null where there is none: the address is there all the same.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct ServicePath(IPFamily Family, FrontendAddress At, string Service, (IPAddress Address, ushort Port)? Endpoint)
{
    /// <summary>Chains with a rule for each address; those of the table filter are for addresses without endpoints.</summary>
    private static readonly ImmutableArray<(string Table, string Chain)> Dispatch =
    [
        (IptablesTables.Nat, KubeChains.Services), (IptablesTables.Nat, KubeChains.NodePorts),
        (IptablesTables.Filter, KubeChains.Services), (IptablesTables.Filter, KubeChains.ExternalServices),
    ];

    /// <summary>Their addresses, for who looks at connections: whose they were is enough to know, and not who served them.</summary>
    public static ImmutableArray<UdpServicePort> UdpPortsOf(IEnumerable<ServicePath> paths) =>
    [
        .. paths.Where(path => path.At.Protocol == Protocol.Udp).Select(path => (path.Family, path.At)).Distinct().Select(one => one.At.Address is { } address
            ? new UdpServicePort(one.Family, one.At.Port, [address], NodePort: 0, [])
            : new UdpServicePort(one.Family, Port: 0, [], one.At.Port, []))
    ];

    /// <param name="elements">Of a table, or of a change to one.</param>
    /// <param name="owners">Elements that say whose an address is, where the first do not.</param>
    public static IEnumerable<ServicePath> Of(IPFamily family, IReadOnlyCollection<TableElement> elements, IEnumerable<TableElement> owners)
    {
        var names = new Dictionary<FrontendAddress, string>();
        foreach (var element in elements.Concat(owners).Where(element => element.Comment is not null))
            names.TryAdd(AddressOf(element), element.Comment!);
        foreach (var element in elements)
        {
            switch (element.Key.Set)
            {
                case ServiceSet.Services or ServiceSet.NodePorts or ServiceSet.NoEndpoints or ServiceSet.NoEndpointNodePorts:
                    yield return new(family, AddressOf(element), element.Comment ?? "", null);
                    break;
                case ServiceSet.Endpoints or ServiceSet.LocalEndpoints or ServiceSet.NodePortEndpoints or ServiceSet.LocalNodePortEndpoints:
                    yield return new(
                        family, AddressOf(element), names.GetValueOrDefault(AddressOf(element), ""), (element.Data.Value.Address!, element.Data.Value.Port));
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The rule that catches an address says whose it is, and in the table nat the chains behind it lead to endpoints.</summary>
    public static IEnumerable<ServicePath> Of(IptablesRuleset rules)
    {
        var endpoints = new Dictionary<string, ImmutableArray<(IPAddress Address, ushort Port)>>(StringComparer.Ordinal);
        foreach (var (table, chain) in Dispatch)
        {
            foreach (var rule in rules.RulesOf(table, chain))
            {
                if (rule.Match<PortMatch>() is not { DestinationPort: { } port } match)
                    continue;
                // A node port's rule for 127.0.0.0/8 is the node port's, too.
                var address = rule.Destination is { Network: var network } && network.PrefixLength == rules.Family.Bits() ? network.BaseAddress : null;
                var at = new FrontendAddress(address, match.Protocol, port);
                var service = rule.Comment?.Split(' ')[0] ?? "";
                yield return new(rules.Family, at, service, null);
                foreach (var endpoint in table == IptablesTables.Nat && rule.JumpsTo is { } to ? EndpointsBehind(rules, to, endpoints) : [])
                    yield return new(rules.Family, at, service, endpoint);
            }
        }
    }

    private static ImmutableArray<(IPAddress Address, ushort Port)> EndpointsBehind(
        IptablesRuleset rules, string chain, Dictionary<string, ImmutableArray<(IPAddress Address, ushort Port)>> known)
    {
        if (known.TryGetValue(chain, out var found))
            return found;
        known[chain] = []; // Somebody's chains may lead in a circle.
        return known[chain] =
        [
            .. rules.RulesOf(IptablesTables.Nat, chain).SelectMany(rule => rule.Target switch
            {
                DnatTarget dnat => [(dnat.Address, dnat.Port)],
                JumpTarget jump => EndpointsBehind(rules, jump.Chain, known),
                _ => [],
            }).Distinct()
        ];
    }

    private static FrontendAddress AddressOf(TableElement element) => new(element.Key.Address, element.Key.Protocol, element.Key.Port);
}
