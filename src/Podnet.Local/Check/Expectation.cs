using System.Net;
using Podnet.Core.Services;

namespace Podnet.Local.Check;

/// <summary>Which source address the server of a connection must see.</summary>
/// <param name="Owner">"own", or the place whose address it is.</param>
public sealed record ExpectedSource(IPAddress Address, string Owner)
{
    public const string Own = "own";

    public static ExpectedSource OwnOf(Place place) => new(place.Address, Own);

    /// <summary>The packet leaves that node masqueraded. A node's own address masqueraded is still its own.</summary>
    public static ExpectedSource NodeOf(Place node, Place client) =>
        node == client ? OwnOf(client) : new(node.Address, node.ToString());

    public override string ToString() => $"from {Owner} {Address}";
}

/// <summary>
/// What must hold of a connection, by the requirements of the Kubernetes network (every pod and node reaches every pod, every
/// pod every node, without NAT; the address that a container sees itself as is the one that others see) and kube-proxy's rules.
/// </summary>
public static class Expectation
{
    /// <summary>
    /// Between pods and nodes the client's own address. To beyond the cluster the node's: nobody there has a route to a pod.
    /// </summary>
    /// <param name="node">The client's node.</param>
    public static ExpectedSource Direct(Place from, Place to, Place node) =>
        from.Kind == PlaceKind.Pod && to.Kind == PlaceKind.Outside
            ? ExpectedSource.NodeOf(node, from)
            : ExpectedSource.OwnOf(from);

    /// <summary>
    /// The client's own address, with three exceptions. A pod that reaches itself is masqueraded: it would answer itself
    /// directly, from an address that it never connected to. What comes from no pod is masqueraded, unless the policy is Local:
    /// the reply has to pass the node that translated. So is what goes to an endpoint beyond the cluster.
    /// </summary>
    /// <param name="server">The pod or node that has the endpoint's address; null for an address of nobody here.</param>
    public static ExpectedSource ThroughService(ServiceProbe probe, IPAddress endpoint, Place? server) =>
        probe.Masqueraded || endpoint.Equals(probe.From.Address) || server is null or { Kind: PlaceKind.Outside }
            ? ExpectedSource.NodeOf(probe.TranslatedBy, probe.From)
            : ExpectedSource.OwnOf(probe.From);

    /// <summary>Null where the server saw what it should; otherwise what is wrong.</summary>
    /// <param name="self">The address that the client's socket has: what the client sees itself as.</param>
    public static string? WrongSource(Place from, IPAddress self, IPAddress seen, ExpectedSource expected)
    {
        if (from.Kind == PlaceKind.Pod && !self.Equals(from.Address))
            return $"wrong address: {from} sees itself as {self}, others know it as {from.Address}";
        if (seen.Equals(expected.Address))
            return null;
        return expected.Owner == ExpectedSource.Own
            ? $"wrong source: the server saw {seen}, not the client's own {expected.Address}: something on the way translates addresses"
            : $"wrong source: the server saw {seen}, not {expected.Address} of {expected.Owner}: masquerading is missing or does something else";
    }

    /// <summary>For a row's column.</summary>
    public static string Text(ServiceProbe probe) => probe.Verdict switch
    {
        ServiceVerdict.Reject => "refused: nothing serves it",
        ServiceVerdict.Drop => "silence: policy Local, and nothing on this node serves it",
        _ when probe.Itself => ExpectedSource.NodeOf(probe.TranslatedBy, probe.From).ToString(),
        _ => "an answer",
    };
}
