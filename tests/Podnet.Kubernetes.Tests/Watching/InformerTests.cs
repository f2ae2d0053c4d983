using System.Collections.Concurrent;
using k8s.Models;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Watching;

public sealed class InformerTests : IAsyncLifetime
{
    private readonly RecordingLogger _log = new();
    private readonly ConcurrentQueue<string> _changes = [];
    private readonly CancellationTokenSource _stop = new();
    private FakeApiServer _server = null!;
    private ApiClient _client = null!;
    private Informer<V1Service> _services = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = _server.Connect();
        _services = new Informer<V1Service>(_client, Resources.Services, _log, new ListSelectors(Label: "!x,y=z"));
        _services.Changed += (before, now) => _changes.Enqueue((before, now) switch
        {
            (null, { } made) => $"+{made.Metadata.Name}@{made.Metadata.ResourceVersion}",
            ({ } gone, null) => $"-{gone.Metadata.Name}@{gone.Metadata.ResourceVersion}",
            _ => $"{now!.Metadata.Name}@{before!.Metadata.ResourceVersion}>{now.Metadata.ResourceVersion}",
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private static string Service(string name, int version, string uid = "u", string spec = "{}") =>
        $$"""{"metadata":{"name":"{{name}}","namespace":"default","resourceVersion":"{{version}}","uid":"{{uid}}","managedFields":[{}]},"spec":{{spec}}}""";

    private static string Event(string type, string json) => $$"""{"type":"{{type}}","object":{{json}}}""";

    private static string List(int version, params string[] items) => Page(version, "", items);

    private static string Page(int version, string next, params string[] items) =>
        $$"""{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"{{version}}","continue":"{{next}}"},"items":[{{string.Join(',', items)}}]}""";

    private async Task<FakeWatch> StartAsync(string list)
    {
        _server.Answer = _ => (200, list);
        _running = _services.RunAsync(_stop.Token);
        await _services.Synced.WaitAsync(TimeSpan.FromSeconds(20));
        return await _server.NextWatchAsync();
    }

    private Task SeesAsync(string last) => Poll.UntilAsync(() => _changes.LastOrDefault() == last, () => $"saw {string.Join(' ', _changes)}, not {last}");

    [Fact]
    public async Task The_list_comes_page_by_page_and_the_watch_begins_where_the_list_was()
    {
        _server.Answer = request => request.Query["continue"].ToString() switch
        {
            "" => (200, Page(7, "two", Service("a", 1), Service("b", 2))),
            "two" => (200, Page(7, "three", Service("c", 3))),
            _ => (200, Page(7, "", Service("d", 4))),
        };
        _running = _services.RunAsync(_stop.Token);
        var watch = await _server.NextWatchAsync();
        Assert.True(_services.Synced.IsCompletedSuccessfully);
        Assert.Equal(["+a@1", "+b@2", "+c@3", "+d@4"], _changes);
        Assert.Equal("GET /api/v1/services?limit=500&labelSelector=!x,y=z", _server.Requests.First());
        Assert.Contains("watch=1&allowWatchBookmarks=true&resourceVersion=7&", watch.Target, StringComparison.Ordinal);
        Assert.Contains("labelSelector=!x,y=z", watch.Target, StringComparison.Ordinal);
        var service = _services.Get("default", "d")!;
        Assert.Equal(("v1", "Service"), (service.ApiVersion, service.Kind));
        Assert.Null(service.Metadata.ManagedFields);
        Assert.Equal(4, _services.Items.Count);
    }

    [Fact]
    public async Task Events_change_the_cache_in_order()
    {
        var watch = await StartAsync(List(7, Service("a", 1)));
        await watch.SendAsync(
            Event("ADDED", Service("b", 8)), Event("MODIFIED", Service("a", 9)), Event("DELETED", Service("b", 10)), Event("ADDED", Service("b", 11)));
        await SeesAsync("+b@11");
        Assert.Equal(["+a@1", "+b@8", "a@1>9", "-b@8", "+b@11"], _changes);
    }

    [Fact]
    public async Task A_dropped_connection_goes_on_after_the_last_event_and_a_half_line_is_none()
    {
        var watch = await StartAsync(List(7));
        await watch.SendAsync(Event("ADDED", Service("a", 8)));
        await watch.SendRawAsync(Event("ADDED", Service("b", 9))[..40]);
        await SeesAsync("+a@8");
        watch.Drop();
        var again = await _server.NextWatchAsync();
        Assert.Contains("resourceVersion=8&", again.Target, StringComparison.Ordinal);
        Assert.Equal(["+a@8"], _changes);
        Assert.NotNull(_services.Get("default", "a"));
        await again.SendRawAsync(Event("ADDED", Service("b", 9)));
        await again.SendRawAsync("\n");
        await SeesAsync("+b@9");
        Assert.Single(_server.Requests, request => request.Contains("limit=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bookmark_says_where_the_next_watch_begins()
    {
        var watch = await StartAsync(List(7));
        await watch.SendAsync(Event("BOOKMARK", """{"kind":"Service","metadata":{"resourceVersion":"99"}}"""));
        watch.End();
        Assert.Contains("resourceVersion=99&", (await _server.NextWatchAsync()).Target, StringComparison.Ordinal);
        Assert.Empty(_changes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Being_too_old_means_a_list_that_tells_what_has_gone(bool asEvent)
    {
        var watch = await StartAsync(List(7, Service("same", 1), Service("gone", 2), Service("new", 3), Service("anew", 4, "first")));
        _server.Answer = _ => (200, List(20, Service("same", 1), Service("new", 15), Service("anew", 16, "second"), Service("born", 17)));
        if (asEvent)
            await watch.SendAsync(Event("ERROR", """{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}"""));
        else
            watch.Refuse(410);
        watch.End();
        var again = await _server.NextWatchAsync();
        Assert.Contains("resourceVersion=20&", again.Target, StringComparison.Ordinal);
        Assert.Equal(["new@3>15", "-anew@4", "+anew@16", "+born@17", "-gone@2"], _changes.Skip(4));
    }

    [Fact]
    public async Task While_the_server_is_away_the_cache_stands_and_then_goes_on()
    {
        var watch = await StartAsync(List(7, Service("a", 1)));
        var port = _server.Address.Port;
        watch.Drop();
        await _server.DisposeAsync();
        await Poll.UntilAsync(() => _log.Lines.Count(line => line.StartsWith("The watch of services ended", StringComparison.Ordinal)) >= 3, () => string.Join('\n', _log.Lines));
        Assert.NotNull(_services.Get("default", "a"));
        _server = await FakeApiServer.StartAsync(port);
        var again = await _server.NextWatchAsync();
        await again.SendAsync(Event("ADDED", Service("b", 8)));
        await SeesAsync("+b@8");
        Assert.Equal(["+a@1", "+b@8"], _changes);
        Assert.Contains("The watch of services works again", _log.Lines);
    }

    [Fact]
    public async Task An_object_that_cannot_be_read_is_left_out_alone_and_said_once()
    {
        var watch = await StartAsync(List(7, Service("a", 1), Service("bad", 2, spec: "{\"ports\":[{\"port\":\"80\"}]}"), Service("c", 3)));
        Assert.Equal(["+a@1", "+c@3"], _changes);
        await watch.SendAsync(
            Event("MODIFIED", Service("bad", 8, spec: "{\"ports\":[{\"port\":\"80\"}]}")),
            Event("MODIFIED", Service("bad", 9)),
            Event("MODIFIED", Service("bad", 10, spec: "5")),
            Event("MODIFIED", Service("c", 11)));
        await SeesAsync("c@3>11");
        Assert.Equal(["+bad@9", "-bad@9", "c@3>11"], _changes.Skip(2));
        var said = _log.Lines.Where(line => line.StartsWith("Service default/bad is left out, it cannot be read: ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, said.Length);
        Assert.Contains("$.spec.ports[0].port", said[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_end_is_not_collected_for_ever()
    {
        var watch = await StartAsync(List(7));
        _server.Answer = _ => (200, List(8, Service("a", 8)));
        var chunk = new string('x', 1 << 20);
        for (var i = 0; i < 10 && !watch.Aborted.IsCancellationRequested; i++)
            await watch.SendRawAsync(chunk);
        await SeesAsync("+a@8");
        watch.End();
        Assert.Contains(_log.Lines, line => line.Contains("an event of more than 8388608 bytes", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_refuses_is_asked_again_and_nothing_is_synced_until_it_answers()
    {
        _server.Answer = _ => (403, """{"kind":"Status","code":403,"reason":"Forbidden","message":"services is forbidden"}""");
        _running = _services.RunAsync(_stop.Token);
        await Poll.UntilAsync(() => _server.Requests.Count >= 3, () => "not asked again");
        Assert.False(_services.Synced.IsCompleted);
        Assert.Contains(_log.Lines, line => line.EndsWith("services is forbidden", StringComparison.Ordinal));
        _server.Answer = _ => (200, List(7));
        await _services.Synced.WaitAsync(TimeSpan.FromSeconds(20));
        await _server.NextWatchAsync();
    }
}
