using k8s.Models;
using Podnet.Kubernetes;
using Podnet.Local.Controllers;

namespace Podnet.Local.Tests.Controllers;

public class ControllerManagerTests
{
    private const string Nginx = """
        apiVersion: v1
        kind: Service
        metadata: {name: nginx}
        spec: {clusterIP: 10.0.33.45, selector: {app: nginx}, ports: [{name: web, port: 80}]}
        ---
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: nginx, annotations: {podnet.dev/pod-ips: "10.240.0.28,10.240.0.57"}}
        spec:
          serviceName: nginx
          replicas: 2
          selector: {matchLabels: {app: nginx}}
          template:
            metadata: {labels: {app: nginx}}
            spec: {containers: [{name: nginx, image: nginx}]}
        """;

    private const string Web = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 4
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: "web:1"}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
        """;

    private static async Task<RunningCluster> TwoNodesAsync()
    {
        var cluster = await RunningCluster.StartAsync();
        await cluster.AddNodeAsync("node-1", "10.240.0.0/27");
        await cluster.AddNodeAsync("node-2", "10.240.0.32/27");
        return cluster;
    }

    [Fact]
    public async Task What_is_orphaned_stays_and_nobody_takes_it_back()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Web);
        await cluster.EventuallyAsync("its pods are there", async () => (await cluster.Client.ListAsync(Resources.Pods, "default", null, default)).Count == 4);
        for (var round = 0; round < 5; round++)
        {
            cluster.Server.KubectlText("delete", "deployment", "web", "--cascade=orphan");
            await Task.Delay(TimeSpan.FromMilliseconds(300));
            var left = Assert.Single(await cluster.Client.ListAsync(Resources.ReplicaSets, "default", null, default));
            Assert.Null(left.Metadata.OwnerReferences);
            cluster.Apply(Web.Split("---")[0]);
            await cluster.EventuallyAsync("a new Deployment takes it over", async () =>
                (await cluster.Client.ListAsync(Resources.ReplicaSets, "default", null, default)) is [{ Metadata.OwnerReferences.Count: 1 }]);
        }
    }

    [Fact]
    public async Task The_nginx_StatefulSet_gets_its_pods_addresses_nodes_and_endpoints()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Nginx);
        await cluster.EventuallyAsync("both pods are endpoints", async () =>
            (await cluster.ReadyEndpointsAsync("nginx")).SequenceEqual(["10.240.0.28", "10.240.0.57"]));
        Assert.Equal(
            ["nginx-0 node-1 10.240.0.28", "nginx-1 node-2 10.240.0.57"],
            (await cluster.PodsAsync()).Select(p => $"{p.Metadata.Name} {p.Spec.NodeName} {p.Status.PodIP}").Order());
        await cluster.EventuallyAsync("the status counts both", async () =>
            (await cluster.Client.GetAsync(Resources.StatefulSets, "default", "nginx", default))!.Status is { ReadyReplicas: 2, UpdatedReplicas: 2 });
        var first = (await cluster.PodsAsync()).Single(p => p.Metadata.Name == "nginx-0").Metadata.Uid;
        // kubectl 1.32 waits for ever where a pod of the same name is back between its GET and its LIST; later ones compare the uid.
        cluster.Server.KubectlText("delete", "pod", "nginx-0", "--wait=false");
        await cluster.EventuallyAsync("nginx-0 is another and is back", async () =>
            (await cluster.PodsAsync()).Any(p => p.Metadata.Name == "nginx-0" && p.Metadata.Uid != first)
            && (await cluster.ReadyEndpointsAsync("nginx")).SequenceEqual(["10.240.0.28", "10.240.0.57"]));
        cluster.Server.KubectlText("scale", "statefulset/nginx", "--replicas=1");
        await cluster.EventuallyAsync("nginx-1 is gone", async () => (await cluster.ReadyEndpointsAsync("nginx")).SequenceEqual(["10.240.0.28"]));
        cluster.Server.KubectlText("delete", "statefulset/nginx", "service/nginx");
        await cluster.EventuallyAsync("nothing is left", async () => (await cluster.PodsAsync()).Count == 0
            && (await cluster.Client.ListAsync(Resources.EndpointSlices, "default", null, default)).Count == 0);
    }

    [Fact]
    public async Task A_Deployment_rolls_to_a_new_template_and_leaves_nothing_when_it_is_deleted()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Web);
        await cluster.EventuallyAsync("all are ready", async () => (await cluster.ReadyEndpointsAsync("web")).Count == 4);
        Assert.Equal([2, 2], (await cluster.PodsAsync()).CountBy(p => p.Spec.NodeName).Select(n => n.Value));
        cluster.Server.KubectlText("patch", "deployment/web", "--type=merge", "-p",
            """{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}""");
        await cluster.EventuallyAsync("all are of the new template", async () =>
            (await cluster.PodsAsync()) is { Count: 4 } pods && pods.All(p => p.Spec.Containers[0].Image == "web:2" && p.IsReady()));
        await cluster.EventuallyAsync("the status says so", async () =>
            (await cluster.Client.GetAsync(Resources.Deployments, "default", "web", default))!.Status is
            { UpdatedReplicas: 4, AvailableReplicas: 4, Replicas: 4, UnavailableReplicas: null or 0 });
        await cluster.EventuallyAsync("Events tell how it went", async () =>
            (await cluster.Client.ListAsync(Resources.Events, "default", null, default)).Any(e =>
                e.Reason == "ScalingReplicaSet" && e.Message.StartsWith("Scaled down replica set web-", StringComparison.Ordinal)));
        await cluster.RestartControllersAsync();
        cluster.Server.KubectlText("scale", "deployment/web", "--replicas=1");
        await cluster.EventuallyAsync("one is left", async () => (await cluster.ReadyEndpointsAsync("web")).Count == 1);
        cluster.Server.KubectlText("delete", "deployment/web");
        await cluster.EventuallyAsync("pods and ReplicaSets are gone", async () => (await cluster.PodsAsync()).Count == 0
            && (await cluster.Client.ListAsync(Resources.ReplicaSets, "default", null, default)).Count == 0);
    }

    [Fact]
    public async Task A_foreground_deletion_ends_when_all_that_was_owned_is_gone()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Web);
        await cluster.EventuallyAsync("all are ready", async () => (await cluster.ReadyEndpointsAsync("web")).Count == 4);
        // kubectl waits for the Deployment to be gone.
        cluster.Server.KubectlText("delete", "deployment/web", "--cascade=foreground", "--timeout=60s");
        Assert.Empty(await cluster.Client.ListAsync(Resources.ReplicaSets, "default", null, default));
        Assert.Empty(await cluster.PodsAsync());
    }

    [Fact]
    public async Task Nodes_get_their_parts_of_the_pod_CIDR_until_it_is_used_up()
    {
        await using var cluster = await RunningCluster.StartAsync("10.244.0.0/23");
        await cluster.AddNodeAsync("node-2", "10.244.0.0/24");
        await cluster.AddNodeAsync("node-1");
        await cluster.EventuallyAsync("node-1 has the free one", async () => await CidrAsync("node-1") == "10.244.1.0/24");
        await cluster.AddNodeAsync("node-3");
        await cluster.EventuallyAsync("node-3 says why it has none", async () =>
            (await cluster.Client.GetAsync(Resources.Nodes, null, "node-3", default))!.Status.Conditions.Any(c =>
                c is { Type: "NetworkUnavailable", Status: "True", Reason: "CIDRNotAvailable" }));
        cluster.Server.KubectlText("delete", "node", "node-2");
        await cluster.EventuallyAsync("node-3 has what node-2 had", async () => await CidrAsync("node-3") == "10.244.0.0/24");
        await cluster.EventuallyAsync("and says so", async () =>
            (await cluster.Client.GetAsync(Resources.Nodes, null, "node-3", default))!.Status.Conditions.Any(c =>
                c is { Type: "NetworkUnavailable", Status: "False" }));

        async Task<string?> CidrAsync(string node) => (await cluster.Client.GetAsync(Resources.Nodes, null, node, default))!.Spec?.PodCIDR;
    }

    [Fact]
    public async Task A_pod_that_fits_nowhere_says_why_and_starts_when_a_node_comes()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Apply("""
            apiVersion: v1
            kind: Pod
            metadata: {name: lonely, annotations: {podnet.dev/pod-ip: 10.240.0.57}}
            spec: {containers: [{name: c, image: nginx}]}
            """);
        await cluster.EventuallyAsync("it waits for nodes", async () => await WhyAsync() == "no nodes available to schedule pods");
        await cluster.AddNodeAsync("node-1", "10.240.0.0/27");
        await cluster.EventuallyAsync("the node is not the right one", async () =>
            await WhyAsync() == "0/1 nodes are available: 1 node(s) had no pod CIDR that contains 10.240.0.57.");
        await cluster.EventuallyAsync("an Event says so", async () =>
            (await cluster.Client.ListAsync(Resources.Events, "default", null, default)).Any(e => e.Reason == "FailedScheduling"));
        await cluster.AddNodeAsync("node-2", "10.240.0.32/27");
        await cluster.EventuallyAsync("it runs", async () => (await cluster.PodsAsync())[0] is { Spec.NodeName: "node-2", Status.Phase: "Running" });

        async Task<string?> WhyAsync() => (await cluster.PodsAsync())[0].Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled")?.Message;
    }

    [Fact]
    public async Task Pods_of_a_removed_node_are_replaced_elsewhere()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Web);
        await cluster.EventuallyAsync("all are ready", async () => (await cluster.ReadyEndpointsAsync("web")).Count == 4);
        cluster.Server.KubectlText("delete", "node", "node-2");
        await cluster.EventuallyAsync("all are on node-1", async () =>
            (await cluster.PodsAsync()) is { Count: 4 } pods && pods.All(p => p.Spec.NodeName == "node-1" && p.IsReady()));
    }

    [Fact]
    public async Task A_bad_list_of_addresses_is_said_in_an_Event()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply(Nginx.Replace("10.240.0.28,10.240.0.57", "10.240.0.28,oops", StringComparison.Ordinal));
        await cluster.EventuallyAsync("both run all the same", async () => (await cluster.ReadyEndpointsAsync("nginx")).Count == 2);
        await cluster.EventuallyAsync("an Event names the entry", async () =>
            (await cluster.Client.ListAsync(Resources.Events, "default", null, default)).Any(e =>
                e is { Reason: "InvalidPodIPs", Type: "Warning", InvolvedObject.Name: "nginx" } && e.Message.Contains("entry 1 (\"oops\")", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_namespace_goes_with_everything_in_it()
    {
        await using var cluster = await TwoNodesAsync();
        cluster.Apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}");
        cluster.Server.KubectlText("-n", "shop", "create", "-f", cluster.Server.Manifest(Web));
        await cluster.EventuallyAsync("its pods run", async () =>
            (await cluster.Client.ListAsync(Resources.Pods, "shop", null, default)) is { Count: 4 } pods && pods.All(p => p.IsReady()));
        cluster.Server.KubectlText("delete", "namespace", "shop", "--wait=false");
        await cluster.EventuallyAsync("it is gone", async () => await cluster.Client.GetAsync(Resources.Namespaces, null, "shop", default) is null);
        Assert.Empty(await cluster.Client.ListAsync(Resources.Pods, "shop", null, default));
    }
}
