using System.Net;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>A Service of type LoadBalancer gets an address that works from outside.</summary>
[Collection(nameof(NftablesCase))]
public sealed class LoadBalancerTests(NftablesCase nft) : IDisposable
{
    [Theory]
    [InlineData("outside")]
    [InlineData("node/node-1")]
    [InlineData("node/node-2")]
    [InlineData("pod")]
    public void Its_address_answers_from_everywhere(string from)
    {
        var address = Expose();
        using var client = nft.Open(from);

        var (failed, first) = Requests.Send(client, new IPEndPoint(address, 80), 40, "/");

        Assert.True(failed == 0, first);
    }

    [Fact]
    public void With_a_local_policy_the_pods_see_the_client_itself()
    {
        var address = Expose("""{"spec":{"externalTrafficPolicy":"Local"}}""");
        using var client = nft.Open("outside");
        var mark = $"/?{Guid.NewGuid():N}";

        // The way moves to a node with an endpoint when the policy changes, and the rules of that node with it.
        Poll.Until(() => Requests.Send(client, new IPEndPoint(address, 80), 1, mark).Failed == 0, () => "no answer");

        Poll.Until(
            () => nft.Pods().SelectMany(nft.Cluster.AccessLog).Any(line => line.StartsWith("10.99.0.254 ", StringComparison.Ordinal) && line.Contains(mark, StringComparison.Ordinal)),
            () => "no pod saw outside's address");
    }

    [Fact]
    public void It_is_gone_with_the_service()
    {
        var address = Expose();
        using var client = nft.Open("outside");
        Assert.Equal(0, Requests.Send(client, new IPEndPoint(address, 80), 1, "/").Failed);

        nft.Cluster.Kubectl("delete", "service", "balanced");

        Poll.Until(() => Requests.Send(client, new IPEndPoint(address, 80), 1, "/") is { Failed: 1, First: var why } && why!.Contains("No route to host", StringComparison.Ordinal),
            () => "the address still leads somewhere");
    }

    public void Dispose() => nft.Cluster.Kubectl("delete", "service", "balanced", "--ignore-not-found");

    /// <summary>Its address, once it has one; the rules follow by themselves.</summary>
    private IPAddress Expose(string? patch = null)
    {
        nft.Cluster.Kubectl("expose", "deployment", "web", "--name=balanced", "--type=LoadBalancer", "--port=80");
        if (patch is not null)
            nft.Cluster.Kubectl("patch", "service", "balanced", "-p", patch);
        var text = "";
        Poll.Until(() => (text = nft.Cluster.Kubectl("get", "service", "balanced", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")).Length > 0, () => "it has no address");
        var address = IPAddress.Parse(text);
        using var outside = nft.Open("outside");
        Poll.Until(() => Requests.Send(outside, new IPEndPoint(address, 80), 1, "/").Failed == 0, () => $"{address} does not answer");
        return address;
    }
}
