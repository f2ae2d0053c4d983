using System.Text.Json.Nodes;
using Podnet.Local.ApiServer;

namespace Podnet.Local.Tests.ApiServer;

public sealed class AfterStopTests
{
    private static readonly ResourceTable Table = KeptStoreTests.Resources.Table;

    [Theory]
    [InlineData("nodes", "Ready", "False")]
    [InlineData("nodes", "NetworkUnavailable", "True")]
    [InlineData("nodes", "DiskPressure", "False")]
    [InlineData("pods", "Ready", "False")]
    [InlineData("pods", "ContainersReady", "False")]
    [InlineData("pods", "PodScheduled", "True")]
    public async Task Nothing_is_ready_that_does_not_run_yet(string plural, string condition, string status)
    {
        using var store = await RestartedAsync();
        var conditions = Only(store, "v1", plural, "")["status"]!["conditions"]!.AsArray();
        Assert.Equal(status, conditions.Single(c => c!["type"]!.GetValue<string>() == condition)!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_pod_keeps_its_addresses_and_restart_count()
    {
        using var store = await RestartedAsync();
        var status = Only(store, "v1", "pods", "")["status"]!;
        Assert.Equal("10.244.0.2", status["podIPs"]![0]!["ip"]!.GetValue<string>());
        Assert.Equal("""{"name":"web","restartCount":3,"ready":false,"started":false,"state":{"running":{}},"containerID":"runc://x"}""", status["containerStatuses"]![0]!.ToJsonString());
    }

    [Fact]
    public async Task Endpoints_serve_nobody_until_their_pods_are_ready_again_but_those_of_other_controllers_are_theirs()
    {
        using var store = await RestartedAsync();
        var slices = store.Snapshot(Table.Find("discovery.k8s.io", "v1", "endpointslices")!).Objects.Values.ToDictionary(s => s.Name.Name, s => JsonNode.Parse(s.Json)!["endpoints"]![0]!["conditions"]!.ToJsonString());
        Assert.Equal("""{"ready":false,"serving":false,"terminating":false}""", slices["ours"]);
        Assert.Equal("""{"ready":true,"serving":true,"terminating":false}""", slices["theirs"]);
    }

    private static async Task<ObjectStore> RestartedAsync()
    {
        var store = new ObjectStore();
        await PutAsync(store, "", "nodes", """
            {"metadata": {"name": "node-1"}, "status": {"conditions": [
              {"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": "False"}, {"type": "DiskPressure", "status": "False"}]}}
            """);
        await PutAsync(store, "", "pods", """
            {"metadata": {"name": "web", "namespace": "default"}, "spec": {"nodeName": "node-1"}, "status": {"phase": "Running", "podIPs": [{"ip": "10.244.0.2"}],
             "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
             "containerStatuses": [{"name": "web", "restartCount": 3, "ready": true, "started": true, "state": {"running": {}}, "containerID": "runc://x"}]}}
            """);
        foreach (var (name, manager) in ((string, string)[])[("ours", "endpointslice-controller.k8s.io"), ("theirs", "somebody")])
        {
            await PutAsync(store, "discovery.k8s.io", "endpointslices", $$$"""
                {"metadata": {"name": "{{{name}}}", "namespace": "default", "labels": {"endpointslice.kubernetes.io/managed-by": "{{{manager}}}"}},
                 "endpoints": [{"addresses": ["10.244.0.2"], "conditions": {"ready": true, "serving": true, "terminating": false}}]}
                """);
        }
        await new AfterStop(Table, DateTimeOffset.UnixEpoch).SayAsync(store);
        return store;
    }

    private static Task PutAsync(ObjectStore store, string group, string plural, string json) =>
        store.WriteAsync(writer => writer.Put(Table.Find(group, "v1", plural)!, (JsonObject)JsonNode.Parse(json)!));

    private static JsonNode Only(ObjectStore store, string version, string plural, string group) =>
        JsonNode.Parse(Assert.Single(store.Snapshot(Table.Find(group, version, plural)!).Objects.Values).Json)!;
}
