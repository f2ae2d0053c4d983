using System.Collections.Immutable;
using System.Net;
using Podnet.Core.Routes;
using Podnet.Dataplane;

namespace Podnet.Local.Controllers;

/// <summary>What a cloud is to a cluster: it has addresses for load balancers and brings what is for them to nodes.</summary>
public interface ILoadBalancerNetwork
{
    /// <summary>At most one of a family. The last two addresses of each are taken.</summary>
    ImmutableArray<IPNetwork> Pools { get; }

    /// <summary>From now on each of these addresses leads to its node, and no other address to any.</summary>
    ApplyReport Route(IReadOnlyCollection<PodRoute> routes);
}
