using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

public sealed class WriteTests : IAsyncLifetime
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Deployments = "/apis/apps/v1/namespaces/default/deployments";
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_new_object_gets_what_the_server_alone_may_give()
    {
        var pod = await _server.CreateAsync("pods", Objects.Pod("a", more: ",\"uid\":\"mine\",\"deletionTimestamp\":\"2020-01-01T00:00:00Z\""));
        Assert.True(Guid.TryParse((string?)pod["metadata"]!["uid"], out _));
        Assert.NotNull(pod["metadata"]!["creationTimestamp"]);
        Assert.Null(pod["metadata"]!["deletionTimestamp"]);
        Assert.Equal("Pending", (string?)pod["status"]!["phase"]);
        Assert.Equal(("Always", 30, "ClusterFirst"), ((string?)pod["spec"]!["restartPolicy"],
            (int)pod["spec"]!["terminationGracePeriodSeconds"]!, (string?)pod["spec"]!["dnsPolicy"]));
    }

    [Fact]
    public async Task A_generated_name_begins_as_asked_and_is_never_taken_twice()
    {
        var names = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            var created = await _server.CreateAsync("configmaps", """{"metadata":{"generateName":"web-"}}""");
            Assert.Matches("^web-[bcdfghjklmnpqrstvwxz2456789]{5}$", (string)created["metadata"]!["name"]!);
            Assert.True(names.Add((string)created["metadata"]!["name"]!));
        }
    }

    [Fact]
    public async Task Status_and_spec_are_written_apart()
    {
        var created = await _server.CreateAsync("deployments", Objects.Deployment("web"), "apis/apps/v1");
        Assert.Equal(1, (int)created["metadata"]!["generation"]!);

        created["status"] = new JsonObject { ["replicas"] = 7 };
        created["spec"]!["replicas"] = 3;
        var updated = await _server.OkAsync("PUT", $"{Deployments}/web", created.ToJsonString());
        Assert.Null(updated["status"]!["replicas"]);
        Assert.Equal((3, 2), ((int)updated["spec"]!["replicas"]!, (int)updated["metadata"]!["generation"]!));

        updated["status"] = new JsonObject { ["replicas"] = 7 };
        updated["spec"]!["replicas"] = 9;
        var status = await _server.OkAsync("PUT", $"{Deployments}/web/status", updated.ToJsonString());
        Assert.Equal((7, 3, 2), ((int)status["status"]!["replicas"]!, (int)status["spec"]!["replicas"]!, (int)status["metadata"]!["generation"]!));
    }

    [Fact]
    public async Task A_write_that_changes_nothing_makes_no_new_version()
    {
        var created = await _server.CreateAsync("deployments", Objects.Deployment("web"), "apis/apps/v1");
        var again = await _server.OkAsync("PUT", $"{Deployments}/web", Objects.Deployment("web"));
        Assert.Equal(created.ToJsonString(), again.ToJsonString());
        var patched = await _server.OkAsync("PATCH", $"{Deployments}/web", "{\"spec\":{\"replicas\":1}}", "application/merge-patch+json");
        Assert.Equal(created.ToJsonString(), patched.ToJsonString());
    }

    [Fact]
    public async Task Of_many_writers_of_one_version_exactly_one_wins()
    {
        var created = await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(i =>
        {
            var mine = created.DeepClone();
            mine["data"]!["k"] = $"writer {i}";
            return _server.SendAsync("PUT", $"{ConfigMaps}/a", mine.ToJsonString());
        }));
        var winner = Assert.Single(answers, a => a.Code == 200);
        Assert.Equal(15, answers.Count(a => a.Code == 409));
        var stored = await _server.OkAsync("GET", $"{ConfigMaps}/a");
        Assert.Equal((string?)winner.Body["data"]!["k"], (string?)stored["data"]!["k"]);
    }

    [Fact]
    public async Task Patches_of_many_writers_are_all_kept()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => _server.OkAsync(
            "PATCH", $"{ConfigMaps}/a", $$"""{"data":{"w{{i}}":"x"} }""", "application/merge-patch+json")));
        var stored = await _server.OkAsync("GET", $"{ConfigMaps}/a");
        Assert.Equal(17, stored["data"]!.AsObject().Count);
    }

    [Fact]
    public async Task A_dry_run_changes_nothing()
    {
        await _server.OkAsync("POST", $"{ConfigMaps}?dryRun=All", Objects.ConfigMap("a"));
        Assert.Equal(404, (await _server.SendAsync("GET", $"{ConfigMaps}/a")).Code);
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.OkAsync("PUT", $"{ConfigMaps}/a?dryRun=All", Objects.ConfigMap("a", "2"));
        await _server.OkAsync("DELETE", $"{ConfigMaps}/a?dryRun=All");
        Assert.Equal("1", (string?)(await _server.OkAsync("GET", $"{ConfigMaps}/a"))["data"]!["k"]);
    }

    [Fact]
    public async Task A_pod_on_a_node_goes_when_its_kubelet_says_so()
    {
        await _server.CreateAsync("pods", Objects.Pod("a", node: "node-1"));
        var marked = await _server.OkAsync("DELETE", $"{Pods}/a");
        Assert.Equal(30, (int)marked["metadata"]!["deletionGracePeriodSeconds"]!);
        var shorter = await _server.OkAsync("DELETE", $"{Pods}/a?gracePeriodSeconds=5");
        Assert.Equal(5, (int)shorter["metadata"]!["deletionGracePeriodSeconds"]!);
        Assert.True(string.CompareOrdinal((string?)shorter["metadata"]!["deletionTimestamp"], (string?)marked["metadata"]!["deletionTimestamp"]) < 0);
        var longer = await _server.OkAsync("DELETE", $"{Pods}/a?gracePeriodSeconds=60");
        Assert.Equal(shorter.ToJsonString(), longer.ToJsonString());

        await _server.OkAsync("DELETE", $"{Pods}/a", """{"gracePeriodSeconds":0}""");
        Assert.Equal(404, (await _server.SendAsync("GET", $"{Pods}/a")).Code);
    }

    [Fact]
    public async Task A_pod_without_a_node_goes_at_once()
    {
        await _server.CreateAsync("pods", Objects.Pod("a"));
        await _server.OkAsync("DELETE", $"{Pods}/a");
        Assert.Equal(404, (await _server.SendAsync("GET", $"{Pods}/a")).Code);
    }

    [Fact]
    public async Task A_delete_for_another_uid_or_version_is_refused()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        Assert.Equal(409, (await _server.SendAsync("DELETE", $"{ConfigMaps}/a", """{"preconditions":{"uid":"other"}}""")).Code);
        Assert.Equal(409, (await _server.SendAsync("DELETE", $"{ConfigMaps}/a", """{"preconditions":{"resourceVersion":"1"}}""")).Code);
        await _server.OkAsync("GET", $"{ConfigMaps}/a");
    }

    [Fact]
    public async Task Finalizers_hold_an_object_until_the_last_one_is_taken_away()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a", metadata: ",\"finalizers\":[\"podnet.dev/x\",\"podnet.dev/y\"]"));
        var marked = await _server.OkAsync("DELETE", $"{ConfigMaps}/a");
        Assert.NotNull(marked["metadata"]!["deletionTimestamp"]);
        await _server.OkAsync("PATCH", $"{ConfigMaps}/a", """{"metadata":{"finalizers":["podnet.dev/y"]}}""", "application/merge-patch+json");
        await _server.OkAsync("GET", $"{ConfigMaps}/a");
        await _server.OkAsync("PATCH", $"{ConfigMaps}/a", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        Assert.Equal(404, (await _server.SendAsync("GET", $"{ConfigMaps}/a")).Code);
    }

    [Fact]
    public async Task A_namespace_that_goes_takes_nothing_new_and_is_gone_once_finalized()
    {
        await _server.OkAsync("POST", "/api/v1/namespaces", """{"metadata":{"name":"team"}}""");
        var marked = await _server.OkAsync("DELETE", "/api/v1/namespaces/team");
        Assert.Equal("Terminating", (string?)marked["status"]!["phase"]);
        var (code, status) = await _server.SendAsync("POST", "/api/v1/namespaces/team/configmaps", Objects.ConfigMap("a"));
        Assert.Equal((403, "configmaps \"a\" is forbidden: unable to create new content in namespace team because it is being terminated"),
            (code, (string?)status["message"]));
        await _server.OkAsync("PATCH", "/api/v1/namespaces/team/finalize", """{"spec":{"finalizers":[]}}""", "application/merge-patch+json");
        Assert.Equal(404, (await _server.SendAsync("GET", "/api/v1/namespaces/team")).Code);
        Assert.Equal(403, (await _server.SendAsync("DELETE", "/api/v1/namespaces/default")).Code);
    }

    [Fact]
    public async Task What_an_orphaning_delete_leaves_has_no_owner()
    {
        var owner = await _server.CreateAsync("configmaps", Objects.ConfigMap("owner"));
        var reference = $$""","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"{{owner["metadata"]!["uid"]}}"}]""";
        await _server.CreateAsync("configmaps", Objects.ConfigMap("child", metadata: reference));
        await _server.OkAsync("DELETE", $"{ConfigMaps}/owner?propagationPolicy=Orphan");
        Assert.Null((await _server.OkAsync("GET", $"{ConfigMaps}/child"))["metadata"]!["ownerReferences"]);
    }

    [Fact]
    public async Task A_collection_is_deleted_by_label()
    {
        foreach (var name in (string[])["a", "b", "c"])
            await _server.CreateAsync("pods", Objects.Pod(name));
        var deleted = await _server.OkAsync("DELETE", $"{Pods}?labelSelector=app+in+(a,b)");
        Assert.Equal(2, deleted["items"]!.AsArray().Count);
        Assert.Equal("c", (string?)Assert.Single((await _server.OkAsync("GET", Pods))["items"]!.AsArray())!["metadata"]!["name"]);
    }

    [Fact]
    public async Task A_binding_gives_a_pod_its_node_once()
    {
        await _server.CreateAsync("pods", Objects.Pod("a"));
        await _server.OkAsync("POST", $"{Pods}/a/binding", """{"target":{"kind":"Node","name":"node-1"}}""");
        Assert.Equal("node-1", (string?)(await _server.OkAsync("GET", $"{Pods}/a"))["spec"]!["nodeName"]);
        var (code, status) = await _server.SendAsync("POST", $"{Pods}/a/binding", """{"target":{"kind":"Node","name":"node-2"}}""");
        Assert.Equal((409, "Operation cannot be fulfilled on pods \"a\": pod a is already assigned to node \"node-1\""), (code, (string?)status["message"]));
    }

    [Fact]
    public async Task A_pod_cannot_become_another_pod()
    {
        await _server.CreateAsync("pods", Objects.Pod("a", node: "node-1"));
        var (code, _) = await _server.SendAsync("PATCH", $"{Pods}/a", """{"spec":{"hostname":"other"}}""", "application/merge-patch+json");
        Assert.Equal(422, code);
        var (moved, _) = await _server.SendAsync("PATCH", $"{Pods}/a", """{"spec":{"nodeName":"node-2"}}""", "application/merge-patch+json");
        Assert.Equal(422, moved);
        await _server.OkAsync("PATCH", $"{Pods}/a", """[{"op":"replace","path":"/spec/containers/0/image","value":"nginx:2"}]""", "application/json-patch+json");
    }

    [Fact]
    public async Task Scale_reads_and_writes_the_replicas()
    {
        await _server.CreateAsync("deployments", Objects.Deployment("web"), "apis/apps/v1");
        var scale = await _server.OkAsync("GET", $"{Deployments}/web/scale");
        Assert.Equal(("Scale", 1, "app=x"), ((string?)scale["kind"], (int)scale["spec"]!["replicas"]!, (string?)scale["status"]!["selector"]));
        scale["spec"]!["replicas"] = 4;
        await _server.OkAsync("PUT", $"{Deployments}/web/scale", scale.ToJsonString());
        Assert.Equal(4, (int)(await _server.OkAsync("GET", $"{Deployments}/web"))["spec"]!["replicas"]!);
        Assert.Equal(409, (await _server.SendAsync("PUT", $"{Deployments}/web/scale", scale.ToJsonString())).Code);
    }
}
