using Podnet.Kubernetes.Manifests;
using Podnet.Local.Config;

namespace Podnet.Local.Tests.Config;

public sealed class ClusterFamiliesTests
{
    [Theory]
    [InlineData("", "10.244.0.0/16", "10.96.0.0/16", "10.99.0.0/24")]
    [InlineData("ipFamily: ipv6", "fd00:10:244::/56", "fd00:10:96::/112", "fd00:10:99::/112")]
    [InlineData("ipFamily: dual", "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/16,fd00:10:96::/112", "10.99.0.0/24,fd00:10:99::/112")]
    [InlineData("podSubnet: fd01::/48", "fd01::/48", "fd00:10:96::/112", "fd00:10:99::/112")]
    [InlineData("podSubnet: 'fd01::/48,10.1.0.0/16'", "fd01::/48,10.1.0.0/16", "10.96.0.0/16,fd00:10:96::/112", "10.99.0.0/24,fd00:10:99::/112")]
    public void What_is_not_said_is_the_usual_network_of_the_families(string networking, string pods, string services, string nodes)
    {
        var spec = Read(networking);
        Assert.Equal(
            (pods, services, nodes), (ClusterSpecRules.Text(spec.PodCidrs), ClusterSpecRules.Text(spec.ServiceCidrs), ClusterSpecRules.Text(spec.NodeCidrs)));
    }

    [Theory]
    [InlineData("ipFamily: both", "networking.ipFamily: \"both\" is unknown: use ipv4, ipv6 or dual")]
    [InlineData("podSubnet: 'fd01::/48,fd02::/48'", "networking.podSubnet: fd01::/48,fd02::/48: a cluster has one network, or one IPv4 and one IPv6")]
    [InlineData("{podSubnet: 'fd01::/48', serviceSubnet: 10.1.0.0/16}", "networking.serviceSubnet: 10.1.0.0/16 has other families than networking.podSubnet fd01::/48")]
    [InlineData("{ipFamily: ipv6, podSubnet: 10.1.0.0/16}", "networking.podSubnet: 10.1.0.0/16 is IPv4, and the cluster is ipv6")]
    [InlineData("serviceSubnet: 'fd01::/64'", "networking.serviceSubnet: fd01::/64: the prefix length must be 108 to 126")]
    [InlineData("podNetwork: geneve", "networking.podNetwork: \"geneve\" is unknown: use auto, direct or vxlan")]
    [InlineData("nonMasqueradeCIDRs: [192.168.0.0]", "networking.nonMasqueradeCIDRs[0]: \"192.168.0.0\" is no CIDR")]
    public void A_network_that_cannot_be_is_refused_by_its_field(string networking, string fault) =>
        Assert.Contains(fault, Assert.Throws<ManifestException>(() => Read(networking)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_node_that_names_its_pod_CIDRs_names_one_of_each_family()
    {
        const string head = "apiVersion: podnet.dev/v1alpha1\nkind: Cluster\nnetworking: {ipFamily: dual}\nnodes:\n";
        var spec = ClusterConfigReader.Parse($"{head}- name: a\n  podCIDR: '10.244.7.0/24,fd00:10:244:7::/64'\n", "cluster.yaml");
        Assert.Equal("10.244.7.0/24,fd00:10:244:7::/64", ClusterSpecRules.Text(spec.Nodes[0].PodCidrs));
        Assert.Contains(
            "nodes[0].podCIDR: 10.244.7.0/24: one of each family is needed",
            Assert.Throws<ManifestException>(() => ClusterConfigReader.Parse($"{head}- name: a\n  podCIDR: 10.244.7.0/24\n", "cluster.yaml")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Other_families_drop_the_networks_that_they_have_no_use_for()
    {
        var spec = Read("podSubnet: 10.1.0.0/16").With(ClusterFamilies.Parse("dual")!.Value);
        Assert.Equal("10.1.0.0/16,fd00:10:244::/56", ClusterSpecRules.Text(spec.PodCidrs));
        Assert.Equal("fd00:10:244::/56", ClusterSpecRules.Text(spec.With(ClusterFamilies.Parse("ipv6")!.Value).PodCidrs));
        Assert.Null(ClusterFamilies.Parse("both"));
    }

    private static ClusterSpec Read(string networking)
    {
        var section = networking.Length == 0 ? "" : networking.StartsWith('{') ? $"networking: {networking}\n" : $"networking:\n  {networking}\n";
        return ClusterConfigReader.Parse($"apiVersion: podnet.dev/v1alpha1\nkind: Cluster\n{section}", "cluster.yaml");
    }
}
