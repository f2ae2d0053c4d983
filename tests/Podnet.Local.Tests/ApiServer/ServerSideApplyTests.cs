using System.Text.Json.Nodes;

namespace Podnet.Local.Tests.ApiServer;

/// <summary>Several managers of one object (kubernetes.io/docs/reference/using-api/server-side-apply).</summary>
public sealed class ServerSideApplyTests : IAsyncLifetime
{
    private const string Path = "/apis/apps/v1/namespaces/default/deployments/web";
    private const string ApplyType = "application/apply-patch+yaml";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_apply_creates_and_a_second_one_changes_nothing()
    {
        var (code, created) = await ApplyAsync("a", Deployment("nginx", 2));
        Assert.Equal(201, code);
        var (again, same) = await ApplyAsync("a", Deployment("nginx", 2));
        Assert.Equal(200, again);
        Assert.Equal(Version(created), Version(same));
        Assert.Equal("a Apply", Managers(same));
    }

    [Fact]
    public async Task What_another_manager_set_is_a_conflict_until_it_is_forced()
    {
        await ApplyAsync("a", Deployment("nginx", 2));
        await _server.OkAsync("PATCH", Path + "?fieldManager=hand", """{"spec":{"replicas":5}}""", "application/merge-patch+json");
        var (code, refused) = await ApplyAsync("a", Deployment("nginx", 2));
        Assert.Equal(409, code);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"hand\" using apps/v1: .spec.replicas", refused["message"]!.GetValue<string>());
        Assert.Equal("FieldManagerConflict", refused["details"]!["causes"]![0]!["reason"]!.GetValue<string>());
        var (forced, now) = await ApplyAsync("a", Deployment("nginx", 2), force: true);
        Assert.Equal(200, forced);
        Assert.Equal(2, now["spec"]!["replicas"]!.GetValue<int>());
        Assert.Equal("a Apply", Managers(now));
    }

    [Fact]
    public async Task Several_conflicts_are_listed_by_manager()
    {
        await ApplyAsync("a", Deployment("nginx", 2));
        var (_, refused) = await ApplyAsync("b", Deployment("caddy", 3));
        Assert.Equal("""
            Apply failed with 2 conflicts: conflicts with "a":
            - .spec.replicas
            - .spec.template.spec.containers[name="c"].image
            """, refused["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task What_a_manager_no_longer_names_goes_unless_another_owns_it()
    {
        await ApplyAsync("a", Deployment("nginx", 2, """, "env": [{"name": "MINE", "value": "1"}, {"name": "OURS", "value": "2"}]"""));
        await ApplyAsync("b", """
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
             "spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "OURS", "value": "2"}, {"name": "HIS", "value": "3"}]}]}}}}
            """);
        var (code, now) = await ApplyAsync("a", Deployment("nginx", 2));
        Assert.Equal(200, code);
        var env = now["spec"]!["template"]!["spec"]!["containers"]![0]!["env"]!.AsArray();
        Assert.Equal(["OURS", "HIS"], env.Select(e => e!["name"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Values_that_are_equal_are_shared()
    {
        await ApplyAsync("a", Deployment("nginx", 2));
        var (code, now) = await ApplyAsync("b", Deployment("nginx", 2));
        Assert.Equal(200, code);
        Assert.Equal("b Apply, a Apply", Managers(now));
    }

    [Fact]
    public async Task An_object_whose_owners_nobody_noted_belongs_to_before_first_apply()
    {
        await _server.CreateAsync("deployments", Deployment("nginx", 2), "apis/apps/v1");
        var (code, refused) = await ApplyAsync("a", Deployment("caddy", 2));
        Assert.Equal(409, code);
        Assert.Contains("\"before-first-apply\" using apps/v1: .spec.template.spec.containers[name=\"c\"].image",
            refused["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_apply_without_a_manager_is_refused()
    {
        var (code, refused) = await _server.SendAsync("PATCH", Path, Deployment("nginx", 1), ApplyType);
        Assert.Equal(422, code);
        Assert.Contains("fieldManager: Required value", refused["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private Task<(int Code, JsonNode Body)> ApplyAsync(string manager, string body, bool force = false) =>
        _server.SendAsync("PATCH", $"{Path}?fieldManager={manager}&force={(force ? "true" : "false")}", body, ApplyType);

    private static string Deployment(string image, int replicas, string more = "") => $$$"""
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
         "spec": {"replicas": {{{replicas}}}, "selector": {"matchLabels": {"app": "web"}},
                  "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "{{{image}}}"{{{more}}} }] } } } }
        """;

    private static string Version(JsonNode o) => o["metadata"]!["resourceVersion"]!.GetValue<string>();

    private static string Managers(JsonNode o) => string.Join(", ",
        o["metadata"]!["managedFields"]!.AsArray().Select(m => $"{m!["manager"]} {m["operation"]}"));
}
