using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>A pod that talks to the cluster's API server, as operators do: by its name, its certificate and the pod's own token.</summary>
public sealed class AccessTests
{
    private const string Manifest = """
        apiVersion: v1
        kind: ServiceAccount
        metadata: { name: robot }
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: asker }
        spec:
          serviceAccountName: robot
          containers: [{ name: sh, image: sh, command: [sh, -c, exec sleep 100000] }]
        ---
        apiVersion: v1
        kind: Pod
        metadata: { name: on-its-node }
        spec:
          hostNetwork: true
          dnsPolicy: ClusterFirstWithHostNet
          containers: [{ name: sh, image: sh, command: [sh, -c, exec sleep 100000] }]
        """;

    /// <summary>curl's answer, and the code on a line of its own.</summary>
    private const string Ask = """
        cd /var/run/secrets/kubernetes.io/serviceaccount && curl -s -w '\n%{http_code}' --cacert ca.crt -H "Authorization: Bearer $(cat token)" https://
        """;

    [Theory]
    [InlineData("ipv4", "10.96.0.1")]
    [InlineData("ipv6", "fd00:10:96::1")]
    public void A_pod_asks_the_API_server_and_is_known_by_its_account(string family, string clusterIP)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, Manifest);
        using var cluster = new LocalCluster("e2e-access", "--ip-family", family, "-f", file);
        File.Delete(file);

        Assert.Equal(clusterIP, cluster.Kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"));
        AssertFindsItself(cluster, "asker", "kubernetes.default.svc");
        AssertFindsItself(cluster, "asker", "kubernetes");
        AssertFindsItself(cluster, "asker", family == "ipv6" ? "[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT" : "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT");
        AssertFindsItself(cluster, "on-its-node", "kubernetes.default.svc.cluster.local");

        // The same token, after everything was ended and came back.
        var token = cluster.Kubectl("create", "token", "robot");
        cluster.Podnet("stop");
        cluster.Podnet("start");
        Assert.Equal("system:serviceaccount:default:robot", cluster.Kubectl("--token", token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"));
        AssertFindsItself(cluster, "asker", "kubernetes.default.svc");

        cluster.Kubectl("delete", "serviceaccount", "robot");
        Poll.Until(() => In(cluster, "asker", "kubernetes.default.svc/api").EndsWith("\n401", StringComparison.Ordinal), () => "the token outlives its account");
    }

    private static void AssertFindsItself(LocalCluster cluster, string pod, string server)
    {
        var answer = In(cluster, pod, $"{server}/api/v1/namespaces/default/pods/{pod}");
        Assert.EndsWith("\n200", answer, StringComparison.Ordinal);
        Assert.Contains($"\"name\":\"{pod}\"", answer, StringComparison.Ordinal);
    }

    private static string In(LocalCluster cluster, string pod, string url) => cluster.Kubectl("exec", pod, "--", "sh", "-c", Ask.TrimEnd() + url);
}
