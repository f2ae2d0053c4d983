using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Nftables;
using Podnet.Core.Services;

namespace Podnet.Core.Explain;

/// <summary>Follows a packet for a Service through the table that a node in nftables mode really has.</summary>
public static class TableExplainer
{
    private const string Mode = "nftables";

    private sealed record Asked(string Kind, FrontendAddress At, ServicePort Port);

    /// <summary>What to look up in the table of a family.</summary>
    public static IEnumerable<FrontendAddress> AddressesOf(ExplainedService service, IPFamily family) =>
        All(service, family).Select(asked => asked.At).Distinct();

    /// <summary>Whom the table sends connections to: what to ask the kernel's routes about.</summary>
    public static IEnumerable<IPAddress> EndpointAddresses(LiveTable table) =>
        table.Elements.Values.Select(one => one.Element.Data.Value.Address).OfType<IPAddress>().Distinct();

    public static TableExplanation Explain(ExplainInput input)
    {
        var service = input.Service;
        var notice = input.HasBothModes
            ? "the node has the rules of both modes, table podnet and chains KUBE-*: another proxy runs beside Podnet's agent, or the mode is being "
              + "switched; this tells the table's part only"
            : null;
        if (service.ClusterIPs.IsEmpty)
            return new TableExplanation($"{service.Name}", input.NodeName, Mode, notice, ServiceExplainer.HeadlessStory, [], []);
        ImmutableArray<AddressExplanation> told =
            [.. input.Tables.SelectMany(table => All(service, table.Family).Select(asked => Explain(input, table, asked)))];
        var problem = told.All(one => one.Problem is not null) ? told.FirstOrDefault()?.Problem ?? "it has no ports" : null;
        return new TableExplanation(
            $"{service.Name}", input.NodeName, Mode, notice, problem, told, [.. input.Tables.SelectMany(TableMasquerades.OfAll)]);
    }

    internal static CitedElement Cite(LiveTable table, LiveElement element) => new(
        NftText.TableOf(table.Family), ServiceSets.Of(element.Element.Key.Set).Name, NftText.Element(element.Element), element.Packets);

    internal static CitedTableRule Cite(LiveTable table, LiveChain chain, LiveRule rule) =>
        new(NftText.TableOf(table.Family), chain.Name, rule.Text, rule.Packets);

    private static IEnumerable<Asked> All(ExplainedService service, IPFamily family)
    {
        if (!service.ClusterIPs.Any(ip => ip.Family() == family))
            yield break;
        foreach (var port in service.Ports)
        {
            (string Kind, ImmutableArray<IPAddress> Addresses)[] kinds =
            [
                ("cluster IP", service.ClusterIPs),
                ("external IP", service.ExternalIPs),
                ("load balancer IP", service.LoadBalancerIPs),
            ];
            foreach (var (kind, addresses) in kinds)
            {
                foreach (var address in addresses.Where(ip => ip.Family() == family))
                    yield return new Asked(kind, new FrontendAddress(address, port.Protocol, port.Port), port);
            }
            if (port.NodePort != 0)
                yield return new Asked("node port", new FrontendAddress(null, port.Protocol, port.NodePort), port);
        }
    }

    private static AddressExplanation Explain(ExplainInput input, LiveTable table, Asked asked)
    {
        var at = asked.At;
        var catcher = table.Find(at.IsNodePort ? ServiceSet.NodePorts : ServiceSet.Services, at);
        var refusal = table.Find(at.IsNodePort ? ServiceSet.NoEndpointNodePorts : ServiceSet.NoEndpoints, at);
        var ways = catcher?.Element.Data.Chain is { } entry ? TableWays.Tell(input, table, at, entry) : [];
        return new AddressExplanation(
            asked.Kind,
            asked.Port.Name,
            NftText.Word(at.Protocol),
            at.IsNodePort
                ? [.. table.Of(ServiceSet.NodePortIPs).Select(one => AddressText.Of(one.Element.Key.Address!)).Order(StringComparer.Ordinal)]
                : [AddressText.Of(at.Address!)],
            at.Port,
            at.IsNodePort ? null : input.Addresses.FirstOrDefault(a => a.Address.Equals(at.Address))?.Interface,
            Problem(input, asked, catcher, refusal, ways),
            (catcher ?? refusal) is { } found ? Cite(table, found) : null,
            catcher is null
                ? []
                : [.. table.Reached(catcher.Element.Data.Chain!).Select(chain => new CitedChain(chain.Name, [.. chain.Rules.Select(rule => Cite(table, chain, rule))]))],
            ways,
            catcher is not null && refusal is not null ? Cite(table, refusal) : null,
            Session(table, at),
            Sources(table, at),
            catcher is null ? [] : TableMasquerades.Marking(table, catcher.Element.Data.Chain!),
            asked.Kind == "cluster IP" && table.Elements.GetValueOrDefault(new ElementKey(ServiceSet.ClusterIPs) { Address = at.Address }) is { } own
                ? Cite(table, own)
                : null);
    }

    private static string? Problem(
        ExplainInput input, Asked asked, LiveElement? catcher, LiveElement? refusal, ImmutableArray<WayExplanation> ways)
    {
        var own = TableElement.CommentOf(new ServicePortName(input.Service.Name, asked.Port.Name, asked.Port.Protocol));
        if ((catcher ?? refusal)?.Element.Comment is { } comment && comment != own)
            return $"the address is {comment}'s: two Services claim it, and the one whose name comes first has it";
        if (catcher is not null)
        {
            return ways.SelectMany(way => way.Endpoints).FirstOrDefault(one => one.Address is null) is { } gap
                ? $"slot {gap.Slot} is empty, connections that choose it get lost: somebody changed the table, the agent puts it right"
                : null;
        }
        if (refusal is null)
            return "no element has it: the node's agent has not written it yet, or is not running";
        return refusal.Element.Data.Chain is not null
            ? "no endpoint serves it: clients are refused at once (is a pod ready, does the selector match, does targetPort?)"
            : $"no endpoint on this node serves it, and {(asked.Kind == "cluster IP" ? "internal" : "external")}TrafficPolicy Local allows no other: packets are dropped";
    }

    private static SessionExplanation? Session(LiveTable table, FrontendAddress at)
    {
        var element = table.Find(at.IsNodePort ? ServiceSet.SessionNodePorts : ServiceSet.SessionServices, at);
        var remember = element?.Element.Data.Chain is { } name && table.Chains.TryGetValue(name, out var chain)
            ? chain.Rules.SelectMany(rule => rule.Rule?.Statements ?? []).OfType<Remember>().FirstOrDefault()
            : null;
        return remember is null ? null : new SessionExplanation(Cite(table, element!), remember.Timeout.TotalSeconds);
    }

    private static SourcesExplanation? Sources(LiveTable table, FrontendAddress at)
    {
        if (at.IsNodePort || table.Find(ServiceSet.Firewalled, at) is not { } firewalled)
            return null;
        return new SourcesExplanation(
            Cite(table, firewalled),
            [
                .. table.Of(ServiceSet.AllowedSources)
                    .Where(one => one.Element.Key with { Network = null } == ElementKey.Of(ServiceSet.AllowedSources, at))
                    .Select(one => AddressText.Of(one.Element.Key.Network!.Value)),
            ],
            [
                .. from chain in table.Chains.Values
                   from rule in chain.Rules
                   where rule.Rule?.Statements.Contains(new InSet(ServiceSet.Firewalled)) == true
                   orderby chain.Name descending
                   select Cite(table, chain, rule),
            ]);
    }
}
