using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;
using Podnet.Core.Services;

namespace Podnet.Local.Check;

/// <summary>One connection to try.</summary>
/// <param name="Kind">One of <see cref="CheckKind"/>.</param>
public abstract record Probe(string Kind, Place From);

/// <summary>To a listener that the check itself opens in the target's namespace.</summary>
public sealed record DirectProbe(string Kind, Place From, Place To, ExpectedSource Expected) : Probe(Kind, From);

/// <summary>To an address of a ServicePort, where a container of the cluster answers.</summary>
/// <param name="Address">The cluster IP, or a node's address, with the port to connect to.</param>
/// <param name="TranslatedBy">The node that turns this address into an endpoint's.</param>
/// <param name="Endpoints">Those that may answer.</param>
public sealed record ServiceProbe(
    string Kind, Place From, ServicePortName Service, IPEndPoint Address, Place TranslatedBy, ServiceVerdict Verdict,
    ImmutableArray<ServiceEndpoint> Endpoints) : Probe(Kind, From)
{
    /// <summary>The node puts its own address in the place of the client's, whoever answers.</summary>
    public bool Masqueraded { get; init; }

    /// <summary>It counts only if the client itself is the endpoint that answers.</summary>
    public bool Itself { get; init; }

    /// <summary>"default/nginx:web 10.0.33.45:80".</summary>
    public string Via => $"{Service} {Address}";
}

/// <summary>Everything that must be tried of a cluster. Pure.</summary>
public static class CheckPlan
{
    /// <param name="state">Its Services are tried where they have a TCP port; their nodes decide by policy and topology.</param>
    public static IReadOnlyList<Probe> Make(IReadOnlyCollection<Place> places, ClusterState state)
    {
        var nodes = places.Where(place => place.Kind == PlaceKind.Node).ToDictionary(place => place.Name);
        var pods = places.Where(place => place.Kind == PlaceKind.Pod).ToList();
        var outside = places.FirstOrDefault(place => place.Kind == PlaceKind.Outside);
        var probes = new List<Probe>();
        probes.AddRange(Direct(pods, nodes, outside));
        foreach (var node in nodes.Values)
            probes.AddRange(Services(node, [.. pods.Where(pod => pod.Node == node.Name)], outside, state));
        return [.. probes.OrderBy(probe => CheckKind.All.IndexOf(probe.Kind))];
    }

    private static IEnumerable<Probe> Direct(List<Place> pods, Dictionary<string, Place> nodes, Place? outside)
    {
        foreach (var pod in pods)
        {
            var itsNode = nodes[pod.Node!];
            foreach (var other in pods.Where(other => other != pod))
                yield return Connection(CheckKind.PodToPod, pod, other, itsNode);
            foreach (var node in nodes.Values)
            {
                yield return Connection(CheckKind.NodeToPod, node, pod, node);
                yield return Connection(CheckKind.PodToNode, pod, node, itsNode);
            }

            if (outside is not null)
                yield return Connection(CheckKind.PodToOutside, pod, outside, itsNode);
        }
    }

    private static DirectProbe Connection(string kind, Place from, Place to, Place node) =>
        new(kind, from, to, Expectation.Direct(from, to, node));

    private static IEnumerable<Probe> Services(Place node, List<Place> pods, Place? outside, ClusterState state)
    {
        foreach (var port in PortsSeenBy(node, state))
        {
            var clusterIP = new IPEndPoint(port.ClusterIP, port.Port);
            var endpoints = port.InternalPolicy == TrafficPolicy.Local ? port.LocalEndpoints : port.ClusterEndpoints;
            ServiceProbe ToClusterIP(string kind, Place from) =>
                new(kind, from, port.Name, clusterIP, node, port.InternalVerdict, endpoints);

            yield return ToClusterIP(CheckKind.NodeToService, node) with { Masqueraded = true };
            foreach (var pod in pods)
            {
                yield return ToClusterIP(CheckKind.PodToService, pod);
                // With session affinity a client meets one endpoint only, which need not be itself.
                if (port.SessionAffinityTimeout is null && endpoints.Any(endpoint => endpoint.Address.Equals(pod.Address)))
                    yield return ToClusterIP(CheckKind.PodToItself, pod) with { Itself = true };
            }

            if (outside is not null && port.NodePort != 0)
                yield return ToNodePort(outside, node, port);
        }
    }

    /// <summary>At the node's InternalIP: in nftables mode its node ports answer nowhere else, 127.0.0.1 included.</summary>
    private static ServiceProbe ToNodePort(Place outside, Place node, ServicePortIntent port)
    {
        var local = port.ExternalPolicy == TrafficPolicy.Local;
        return new ServiceProbe(
            CheckKind.OutsideToNodePort, outside, port.Name, new IPEndPoint(node.Address, port.NodePort), node, port.ExternalVerdict,
            local ? port.LocalEndpoints : port.ClusterEndpoints)
        { Masqueraded = !local };
    }

    private static IEnumerable<ServicePortIntent> PortsSeenBy(Place node, ClusterState state) =>
        ServicePlanner.Plan(state, node.Name, node.Address.Family()).Ports.Where(port => port.Name.Protocol == Protocol.Tcp);

}
