using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Podnet.Testing;

namespace Podnet.Local.Tests.ApiServer;

public sealed class WatchTests : IAsyncLifetime
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.StartAsync(historyLength: 8);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_watch_from_a_list_tells_everything_after_it()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("before"));
        var list = await _server.OkAsync("GET", ConfigMaps);
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={list["metadata"]!["resourceVersion"]}");
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", "2"));
        await _server.OkAsync("DELETE", $"{ConfigMaps}/a");
        Assert.Equal(["ADDED a 1", "MODIFIED a 2", "DELETED a 2"], [await NextAsync(watch), await NextAsync(watch), await NextAsync(watch)]);
    }

    [Fact]
    public async Task A_watch_goes_on_from_the_last_version_that_it_saw()
    {
        var created = await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", "2"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={created["metadata"]!["resourceVersion"]}");
        Assert.Equal("MODIFIED a 2", await NextAsync(watch));
        await _server.OkAsync("DELETE", $"{ConfigMaps}/a");
        var deleted = await NextJsonAsync(watch);
        Assert.Equal("DELETED", (string?)deleted["type"]);
        using var after = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={deleted["object"]!["metadata"]!["resourceVersion"]}");
        await _server.CreateAsync("configmaps", Objects.ConfigMap("b"));
        Assert.Equal("ADDED b 1", await NextAsync(after));
    }

    [Fact]
    public async Task A_watch_without_a_version_begins_with_what_there_is()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=true");
        Assert.Equal("ADDED a 1", await NextAsync(watch));
    }

    [Fact]
    public async Task Initial_events_end_with_a_marked_bookmark()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=");
        Assert.Equal("ADDED a 1", await NextAsync(watch));
        var bookmark = await NextJsonAsync(watch);
        Assert.Equal(("BOOKMARK", "ConfigMap", "true"), ((string?)bookmark["type"], (string?)bookmark["object"]!["kind"],
            (string?)bookmark["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]));
        await _server.CreateAsync("configmaps", Objects.ConfigMap("b"));
        Assert.Equal("ADDED b 1", await NextAsync(watch));
        using var resumed = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={bookmark["object"]!["metadata"]!["resourceVersion"]}");
        Assert.Equal("ADDED b 1", await NextAsync(resumed));
    }

    [Fact]
    public async Task A_version_that_is_too_old_is_410_within_the_watch()
    {
        var first = await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        for (var i = 0; i < 10; i++)
            await _server.OkAsync("PUT", $"{ConfigMaps}/a", Objects.ConfigMap("a", $"{i + 2}"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={first["metadata"]!["resourceVersion"]}");
        var error = await NextJsonAsync(watch);
        Assert.Equal(("ERROR", 410, "Expired"), ((string?)error["type"], (int)error["object"]!["code"]!, (string?)error["object"]!["reason"]));
        Assert.StartsWith("too old resource version: ", (string?)error["object"]!["message"], StringComparison.Ordinal);
        Assert.Null(await watch.ReadLineAsync());
    }

    [Fact]
    public async Task Writes_of_other_kinds_do_not_make_a_watch_too_old()
    {
        var first = await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        for (var i = 0; i < 20; i++)
            await _server.CreateAsync("pods", Objects.Pod($"p{i}"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&resourceVersion={first["metadata"]!["resourceVersion"]}");
        await _server.OkAsync("DELETE", $"{ConfigMaps}/a");
        Assert.Equal("DELETED a 1", await NextAsync(watch));
    }

    [Fact]
    public async Task A_timeout_ends_a_watch_with_a_bookmark_that_one_can_go_on_from()
    {
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1");
        var pod = await _server.CreateAsync("pods", Objects.Pod("p"));
        var bookmark = await NextJsonAsync(watch);
        Assert.Equal("BOOKMARK", (string?)bookmark["type"]);
        Assert.True(long.Parse((string)bookmark["object"]!["metadata"]!["resourceVersion"]!) >= long.Parse((string)pod["metadata"]!["resourceVersion"]!) - 1);
        Assert.Null(await watch.ReadLineAsync());
    }

    [Fact]
    public async Task A_watch_gets_a_bookmark_every_minute()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await RunningServer.StartAsync(time: time);
        using var watch = new StreamReader(await server.Client.GetStreamAsync($"{ConfigMaps}?watch=1&allowWatchBookmarks=true&resourceVersion=0"));
        var pod = await server.CreateAsync("pods", Objects.Pod("p"));
        var line = watch.ReadLineAsync();
        await Poll.UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(61));
            return line.IsCompleted;
        }, () => "there was no bookmark");
        var bookmark = JsonNode.Parse((await line)!)!;
        Assert.Equal(("BOOKMARK", (string?)pod["metadata"]!["resourceVersion"]), ((string?)bookmark["type"], (string?)bookmark["object"]!["metadata"]!["resourceVersion"]));
    }

    [Fact]
    public async Task An_object_that_begins_or_ceases_to_match_is_added_or_deleted()
    {
        using var watch = await OpenAsync($"{Pods}?watch=1&labelSelector=tier%3Dweb&fieldSelector=spec.nodeName%3Dnode-1");
        await _server.CreateAsync("pods", Objects.Pod("other", node: "node-2"));
        await _server.CreateAsync("pods", Objects.Pod("a"));
        await PatchAsync("a", """{"spec":{"nodeName":"node-1"}}""");
        await PatchAsync("a", """{"metadata":{"labels":{"tier":"web"}}}""");
        await PatchAsync("a", """{"metadata":{"labels":{"more":"x"}}}""");
        var left = await PatchAsync("a", """{"metadata":{"labels":{"tier":"db"}}}""");
        Assert.Equal("ADDED a", (await NextAsync(watch)).Trim());
        Assert.Equal("MODIFIED a", (await NextAsync(watch)).Trim());
        var deleted = await NextJsonAsync(watch);
        Assert.Equal(("DELETED", "web"), ((string?)deleted["type"], (string?)deleted["object"]!["metadata"]!["labels"]!["tier"]));
        Assert.Equal((string?)left["metadata"]!["resourceVersion"], (string?)deleted["object"]!["metadata"]!["resourceVersion"]);
    }

    [Fact]
    public async Task A_watch_as_a_table_sends_rows_and_says_its_columns_once()
    {
        await _server.CreateAsync("configmaps", Objects.ConfigMap("a"));
        await _server.CreateAsync("configmaps", Objects.ConfigMap("b"));
        using var watch = await OpenAsync($"{ConfigMaps}?watch=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
        var (first, second) = (await NextJsonAsync(watch), await NextJsonAsync(watch));
        Assert.Equal("Table", (string?)first["object"]!["kind"]);
        Assert.Equal("Name", (string?)first["object"]!["columnDefinitions"]![0]!["name"]);
        Assert.Null(second["object"]!["columnDefinitions"]);
        Assert.Equal("b", (string?)second["object"]!["rows"]![0]!["cells"]![0]);
    }

    [Fact]
    public async Task Pages_of_a_list_show_the_state_in_which_it_began()
    {
        foreach (var name in (string[])["a", "b", "c", "d"])
            await _server.CreateAsync("configmaps", Objects.ConfigMap(name));
        var first = await _server.OkAsync("GET", $"{ConfigMaps}?limit=2");
        Assert.Equal(("a,b", 2), (Names(first), (int)first["metadata"]!["remainingItemCount"]!));
        await _server.OkAsync("DELETE", $"{ConfigMaps}/c");
        await _server.CreateAsync("configmaps", Objects.ConfigMap("e"));
        var second = await _server.OkAsync("GET", $"{ConfigMaps}?limit=2&continue={Uri.EscapeDataString((string)first["metadata"]!["continue"]!)}");
        Assert.Equal("c,d", Names(second));
        Assert.Null(second["metadata"]!["continue"]);
        Assert.Equal((string?)first["metadata"]!["resourceVersion"], (string?)second["metadata"]!["resourceVersion"]);
    }

    private static string Names(JsonNode list) => string.Join(',', list["items"]!.AsArray().Select(i => (string?)i!["metadata"]!["name"]));

    private Task<JsonNode> PatchAsync(string pod, string patch) => _server.OkAsync("PATCH", $"{Pods}/{pod}", patch, "application/merge-patch+json");

    private async Task<StreamReader> OpenAsync(string path, string accept = "application/json")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        var response = await _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(200, (int)response.StatusCode);
        return new StreamReader(await response.Content.ReadAsStreamAsync());
    }

    private static async Task<JsonNode> NextJsonAsync(StreamReader watch) =>
        JsonNode.Parse(await watch.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) ?? throw new EndOfStreamException("the watch has ended"))!;

    /// <summary>"ADDED name value".</summary>
    private static async Task<string> NextAsync(StreamReader watch)
    {
        var change = await NextJsonAsync(watch);
        return $"{change["type"]} {change["object"]!["metadata"]?["name"]} {change["object"]!["data"]?["k"]}";
    }
}
