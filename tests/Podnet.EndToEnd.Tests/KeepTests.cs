using System.Collections.Concurrent;
using System.Net;
using k8s.Models;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local;
using Podnet.Local.Kubelet;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>A cluster that was stopped, killed or rebooted comes back as it was.</summary>
public sealed class KeepTests
{
    private const string Objects = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: nginx}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          selector: {app: web}
          ports: [{port: 80}]
        """;

    [Fact]
    public void A_stopped_cluster_leaves_nothing_running_and_comes_back_as_it_was()
    {
        using var cluster = Make("e2e-stop");
        var (before, kubeconfig) = (Seen(cluster), File.ReadAllText(cluster.Paths.Kubeconfig));
        cluster.Podnet("stop");

        Assert.DoesNotContain(MachineState.Capture(cluster.Name), line =>
            line.Contains(cluster.Name, StringComparison.Ordinal) && line != $"file {cluster.Paths.Lib}");
        Assert.StartsWith("cluster \"e2e-stop\" is stopped", cluster.Podnet("status"), StringComparison.Ordinal);
        Assert.Contains("and stopped: bring it back with 'podnet start --name e2e-stop'", LocalCluster.Try("up", "--name", cluster.Name).StandardError, StringComparison.Ordinal);

        cluster.Podnet("start");
        AssertBack(cluster, before, restarts: 1);
        Assert.Equal(kubeconfig, File.ReadAllText(cluster.Paths.Kubeconfig));
        Assert.Contains("is running", LocalCluster.Try("start", "--name", cluster.Name).StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cluster_of_which_everything_was_killed_is_cleaned_up_and_comes_back_as_it_was()
    {
        using var cluster = Make("e2e-kill");
        var before = Seen(cluster);
        for (var restarts = 1; restarts <= 2; restarts++)
        {
            KillAll(cluster);
            Assert.StartsWith("cluster \"e2e-kill\" is stopped", cluster.Podnet("status"), StringComparison.Ordinal);
            cluster.Podnet("start");
            AssertBack(cluster, before, restarts);
        }
    }

    [Fact]
    public void A_cluster_comes_back_after_a_reboot_of_which_only_var_lib_is_left()
    {
        using var cluster = Make("e2e-reboot");
        var before = Seen(cluster);
        Reboot(cluster);
        cluster.Podnet("start");
        AssertBack(cluster, before, restarts: 1);
    }

    [Fact]
    public async Task No_write_that_the_API_server_acknowledged_is_lost_to_a_kill_9_under_load()
    {
        using var cluster = new LocalCluster("e2e-load", "--nodes", "1");
        var acknowledged = new ConcurrentDictionary<string, string>();
        for (var round = 0; round < 4; round++)
        {
            var already = acknowledged.Count;
            using (var client = ApiClient.FromKubeconfig(cluster.Paths.Kubeconfig))
            {
                var writers = Enumerable.Range(0, 8).Select(writer => WriteAsync(client, $"r{round}-w{writer}", acknowledged)).ToArray();
                Poll.Until(() => acknowledged.Count > already + 100, () => "the API server does not take writes");
                KillAll(cluster);
                await Task.WhenAll(writers);
            }

            cluster.Podnet("start");
            using var now = ApiClient.FromKubeconfig(cluster.Paths.Kubeconfig);
            var kept = (await now.ListAsync(Resources.Services, null, null, default)).ToDictionary(s => s.Metadata.Name, s => $"{s.Metadata.Uid} {s.Spec.ClusterIP}");
            Assert.All(acknowledged, one => Assert.Equal(one.Value, kept.GetValueOrDefault(one.Key)));
            Assert.Equal(kept.Count, kept.Values.Select(v => v.Split(' ')[1]).Distinct().Count());
        }
    }

    private static async Task WriteAsync(ApiClient client, string prefix, ConcurrentDictionary<string, string> acknowledged)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var created = await client.CreateAsync(
                    Resources.Services,
                    new V1Service
                    {
                        Metadata = new V1ObjectMeta { Name = $"{prefix}-{i}", NamespaceProperty = "default" },
                        Spec = new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80 }] },
                    },
                    default);
                acknowledged[created.Metadata.Name] = $"{created.Metadata.Uid} {created.Spec.ClusterIP}";
            }
            catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
            {
                return; // The server is gone.
            }
        }
    }

    /// <summary>Two nodes and one that joined later; pods whose addresses nobody asked for.</summary>
    private static LocalCluster Make(string name)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, Objects);
            var cluster = new LocalCluster(name, "-f", file);
            cluster.Podnet("node", "add", "late");
            cluster.Podnet("node", "remove", "node-1");
            Poll.Until(() => cluster.Kubectl("get", "pods", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}") == "True True True", () => cluster.Kubectl("get", "pods", "-o", "wide"));
            return cluster;
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>What must be the same: who everybody is, and where.</summary>
    private static string Seen(LocalCluster cluster) =>
        cluster.Kubectl("get", "nodes", "-o", "jsonpath={range .items[*]}{.metadata.uid} {.metadata.name} {.status.addresses[*].address} {.spec.podCIDR}{\"\\n\"}{end}")
        + cluster.Kubectl("get", "pods", "-o", "jsonpath={range .items[*]}{.metadata.uid} {.metadata.name} {.status.podIP} {.spec.nodeName}{\"\\n\"}{end}")
        + cluster.Kubectl("get", "services", "-o", "jsonpath={range .items[*]}{.metadata.uid} {.metadata.name} {.spec.clusterIP}{\"\\n\"}{end}");

    private static void AssertBack(LocalCluster cluster, string before, int restarts)
    {
        Assert.Equal(before, Seen(cluster));
        Assert.Equal($"{restarts} {restarts} {restarts}", cluster.Kubectl("get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}"));
        var service = IPAddress.Parse(cluster.Kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"));
        foreach (var node in (string[])["node-2", "late"])
        {
            using var from = cluster.Paths.OpenNode(node);
            Assert.Equal((0, null), Requests.Send(from, new IPEndPoint(service, 80), 20, "/"));
        }
        Assert.Contains("Everything that must hold holds.", cluster.Podnet("check"), StringComparison.Ordinal);
    }

    /// <summary>All of Podnet's processes at once; containers, namespaces and mounts are left for the start to find.</summary>
    private static void KillAll(LocalCluster cluster)
    {
        foreach (var pid in ProcessTable.Pids().Where(pid => ProcessTable.EnvironmentVariable(pid, ClusterPaths.EnvironmentMark) == cluster.Name))
            Signals.Send(pid, Signals.Kill);
        Poll.Until(() => !cluster.Paths.IsRunning(), () => "the control plane lives on");
    }

    private static void Reboot(LocalCluster cluster)
    {
        KillAll(cluster);
        KubeletCleanup.RemoveAll(cluster.Paths);
        foreach (var mount in Mounts.Below(cluster.Paths.Run))
            Mounts.UnmountIfMounted(mount);
        Directory.Delete(cluster.Paths.Run, recursive: true);
        foreach (var name in Directory.EnumerateFiles(NetworkNamespace.Directory).Select(Path.GetFileName).Where(name => name!.StartsWith($"podnet-{cluster.Name}-", StringComparison.Ordinal)))
            NetworkNamespace.DeleteNamed(name!);
    }
}
