using System.Net;
using System.Text.Json;
using k8s;
using Podnet.Core.Model;
using Podnet.Kubernetes.Converters;

namespace Podnet.Kubernetes.Tests.Converters;

public sealed class NodeConverterTests
{
    private static Converted<Node> Convert(string json) =>
        NodeConverter.Convert(JsonSerializer.Deserialize(json, SourceGenerationContext.Default.V1Node)!);

    [Fact]
    public void A_node_keeps_addresses_pod_CIDRs_and_zone()
    {
        var (node, problem) = Convert("""
            {"metadata":{"name":"node-1","labels":{"topology.kubernetes.io/zone":"zone-a"}},
             "spec":{"podCIDR":"10.240.0.0/27","podCIDRs":["10.240.0.0/27","fd00:240::/64"]},
             "status":{"addresses":[{"type":"Hostname","address":"node-1"},{"type":"ExternalIP","address":"192.0.2.1"},
               {"type":"InternalIP","address":"10.99.0.2"},{"type":"InternalIP","address":"fd00:99::2"}]}}
            """);
        Assert.Null(problem);
        Assert.Equal([IPAddress.Parse("10.99.0.2"), IPAddress.Parse("fd00:99::2")], node!.InternalIPs);
        Assert.Equal([IPNetwork.Parse("10.240.0.0/27"), IPNetwork.Parse("fd00:240::/64")], node.PodCidrs);
        Assert.Equal("zone-a", node.Zone);
        Assert.False(node.Leaving);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"n","deletionTimestamp":"2026-01-01T00:00:00Z"}}""")]
    [InlineData("""{"metadata":{"name":"n"},"spec":{"taints":[{"key":"ToBeDeletedByClusterAutoscaler","effect":"NoSchedule"}]}}""")]
    public void A_node_that_goes_says_so(string json)
    {
        Assert.True(Convert(json).Value!.Leaving);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"N"}}""", "metadata.name: \"N\" is not a DNS name")]
    [InlineData("""{"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0"}}""", "spec.podCIDR: \"10.0.0.0\" is not a CIDR block")]
    [InlineData("""{"metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.0.0/8","10.1.0.0/16"]}}""", "spec.podCIDRs: more than one address of a family")]
    [InlineData("""{"metadata":{"name":"n"},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.256"}]}}""", "status.addresses[0].address: \"10.0.0.256\" is not an IP address")]
    public void A_wrong_field_leaves_the_node_out_and_is_named(string json, string problem)
    {
        Assert.Equal(new Converted<Node>(null, problem), Convert(json));
    }
}
