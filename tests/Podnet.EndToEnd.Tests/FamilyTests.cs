using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>Clusters of each family kind: they come up, everybody reaches whom they must, and they go.</summary>
public sealed class FamilyTests
{
    /// <summary>A Deployment and a Service of both families where the cluster has both.</summary>
    private const string Pods = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: nginx}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          ipFamilyPolicy: PreferDualStack
          selector: {app: web}
          ports: [{port: 80}]
        """;

    [Theory]
    [InlineData("ipv4", "nftables", "auto", "IPv4")]
    [InlineData("ipv6", "nftables", "auto", "IPv6")]
    [InlineData("ipv6", "iptables", "vxlan", "IPv6")]
    [InlineData("dual", "nftables", "vxlan", "IPv4 IPv6")]
    [InlineData("dual", "iptables", "auto", "IPv4 IPv6")]
    public void Everything_holds_that_must_in_a_cluster_of(string family, string proxyMode, string podNetwork, string serviceFamilies)
    {
        var folder = Directory.CreateTempSubdirectory("podnet-families-");
        try
        {
            var (pods, config) = ($"{folder}/pods.yaml", $"{folder}/cluster.yaml");
            File.WriteAllText(pods, Pods);
            File.WriteAllText(config, $"apiVersion: podnet.dev/v1alpha1\nkind: Cluster\nnetworking: {{podNetwork: {podNetwork}}}\n");
            using var cluster = new LocalCluster(
                $"e2e-{family}-{proxyMode}", "--config", config, "--ip-family", family, "--proxy-mode", proxyMode, "-f", pods);

            // A node whose link-local address is tentative cannot find the neighbours that pods' packets are for.
            foreach (var @namespace in (string[])[cluster.Paths.NodeNamespace("node-1"), cluster.Paths.OutsideNamespace, cluster.Paths.FabricNamespace])
                Assert.DoesNotContain("tentative", Tool.Run("ip", ["-n", @namespace, "-6", "address"]), StringComparison.Ordinal);
            Assert.Contains("Everything that must hold holds.", cluster.Podnet("check"), StringComparison.Ordinal);

            Assert.Equal(serviceFamilies, cluster.Kubectl("get", "service", "web", "-o", "jsonpath={.spec.ipFamilies[*]}"));
            var slices = cluster.Kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "jsonpath={.items[*].addressType}").Split(' ');
            Assert.Equal(serviceFamilies, string.Join(' ', slices.Order(StringComparer.Ordinal)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
