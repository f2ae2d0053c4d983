namespace Podnet.EndToEnd.Tests;

/// <summary>Names as a pod's programs resolve them: glibc's resolver and dig, by the pod's own resolv.conf, through the Service kube-dns.</summary>
public sealed class DnsTests
{
    private const string Pods = """
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: web}
        spec:
          serviceName: web
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              hostAliases: [{ip: 192.0.2.7, hostnames: [printer, printer.example.org]}]
              containers: [{name: web, image: nginx}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {clusterIP: None, ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{name: http, port: 80}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: front}
        spec: {ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{name: http, port: 80}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: alias}
        spec: {type: ExternalName, externalName: front.default.svc.cluster.local}
        """;

    [Theory]
    [InlineData("ipv4", "10.96.0.10")]
    [InlineData("ipv6", "fd00:10:96::a")]
    [InlineData("dual", "10.96.0.10", "nameserver fd00:10:96::a\n")]
    public void Pods_and_nodes_find_Services_and_pods_by_name(string family, string server, string second = "")
    {
        var folder = Directory.CreateTempSubdirectory("podnet-dns-");
        try
        {
            File.WriteAllText($"{folder}/pods.yaml", Pods);
            using var cluster = new LocalCluster($"e2e-dns-{family}", "--ip-family", family, "-f", $"{folder}/pods.yaml");
            Assert.Equal(
                $"nameserver {server}\n{second}search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
                cluster.Exec("pod/web-0", "cat", "/etc/resolv.conf"));
            var addresses = cluster.Kubectl("get", "service", "front", "-o", "jsonpath={.spec.clusterIPs[*]}").Split(' ');
            foreach (var name in (string[])["front", "front.default", "front.default.svc.cluster.local", "alias"])
                Assert.Equal(addresses.Order(StringComparer.Ordinal), Resolve(cluster, name));
            var other = cluster.Kubectl("get", "pod", "web-1", "-o", "jsonpath={.status.podIPs[*].ip}").Split(' ');
            Assert.Equal(other.Order(StringComparer.Ordinal), Resolve(cluster, "web-1.web"));
            Assert.Equal(["192.0.2.7"], Resolve(cluster, "printer"));
            Assert.Equal(2, Failure(cluster, "pod/web-0", "getent", "ahosts", "nobody")); // "one or more keys could not be found": not "try again"
            Assert.Contains("Welcome to nginx", cluster.Exec("pod/web-1", "curl", "-s", "--max-time", "5", "http://front/"), StringComparison.Ordinal);
            foreach (var protocol in (string[])["+notcp", "+tcp"])
            {
                Assert.Equal("web-1.web.default.svc.cluster.local.", cluster.Exec("pod/web-0", "dig", "+short", protocol, "-x", other[0]).Trim());
                Assert.Contains("100 80 web-0.web.default.svc.cluster.local.", cluster.Exec("pod/web-1", "dig", "+short", protocol, "_http._tcp.web.default.svc.cluster.local", "SRV"), StringComparison.Ordinal);
                Assert.Equal(addresses[0], cluster.Exec("node/node-2", "dig", "+short", protocol, $"@{server}", "front.default.svc.cluster.local", addresses[0].Contains(':') ? "AAAA" : "A").Trim());
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<string> Resolve(LocalCluster cluster, string name) =>
        cluster.Exec("pod/web-0", "getent", "ahosts", name).Split('\n').Where(line => line.Contains("STREAM", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[0].Replace("::ffff:", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private static int? Failure(LocalCluster cluster, string place, params string[] command) =>
        LocalCluster.Try(["exec", "--name", cluster.Name, place, "--", .. command]).Status.Code;
}
