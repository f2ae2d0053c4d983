using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Model;

namespace Podnet.Core.Routes;

/// <summary>What the pod network has under it: the node's own links, as its kernel shows them.</summary>
/// <param name="OnLink">Networks that a route of the kernel's own leads to without a gateway.</param>
/// <param name="Mtu">In bytes, of the link that has the node's address.</param>
public sealed record Underlay(ImmutableArray<IPNetwork> OnLink, int Mtu)
{
    public bool IsOnLink(IPAddress address) => OnLink.Any(network => network.Family() == address.Family() && network.Contains(address));
}
