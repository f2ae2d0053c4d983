using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Podnet.Agent;
using Podnet.Kubernetes.Tests.Watching;
using Podnet.Testing;

namespace Podnet.Kubernetes.Tests.Agent;

public sealed class LeftOutEventsTests : IAsyncLifetime
{
    private readonly RecordingLogger _log = new();
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<JsonNode> _written = [];
    private FakeApiServer _server = null!;
    private ApiClient _client = null!;
    private LeftOutEvents _events = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeApiServer.StartAsync();
        _client = _server.Connect();
        Answer(201);
        _events = new LeftOutEvents(_client, "node-1", _log, _time);
        _running = _events.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _client.Dispose();
        await _server.DisposeAsync();
    }

    private void Answer(int code) => _server.Answer = request =>
    {
        using var reader = new StreamReader(request.Body);
        var text = reader.ReadToEnd();
        _written.Enqueue(JsonNode.Parse(text)!);
        return code == 201 ? (201, text) : (code, """{"kind":"Status","code":403,"reason":"Forbidden","message":"events is forbidden"}""");
    };

    private static LeftOutObject Bad(string name, string problem = "spec.ports[0].port: 0 is not a port") =>
        new("v1", "Service", new("default", name), "u-1", IsWhole: true, problem);

    private Task UntilAsync(Func<bool> holds) => Poll.UntilAsync(holds, () => string.Join('\n', _log.Lines));

    [Fact]
    public async Task A_left_out_object_gets_a_warning_that_kubectl_describe_shows()
    {
        _events.Add(Bad("web"));
        await UntilAsync(() => _written.Count == 1);
        var written = _written.First();
        Assert.Equal("POST /api/v1/namespaces/default/events", _server.Requests.First());
        Assert.Equal(
            """{"apiVersion":"v1","kind":"Service","name":"web","namespace":"default","uid":"u-1"}""", written["involvedObject"]!.ToJsonString());
        Assert.Equal(("Warning", "PodnetSkipped"), ((string?)written["type"], (string?)written["reason"]));
        Assert.Equal("left out of the node's network: spec.ports[0].port: 0 is not a port", (string?)written["message"]);
        Assert.Equal("""{"component":"podnet-agent","host":"node-1"}""", written["source"]!.ToJsonString());
        Assert.Matches("^podnet-[0-9a-f]{20}$", (string?)written["metadata"]!["name"]);
    }

    [Fact]
    public async Task A_Node_has_its_events_in_the_default_namespace_and_a_long_message_is_cut()
    {
        _events.Add(new("v1", "Node", new("", "node-2"), "", IsWhole: true, new string('é', 2000)));
        await UntilAsync(() => _written.Count == 1);
        Assert.Equal("POST /api/v1/namespaces/default/events", _server.Requests.First());
        Assert.Null(_written.First()["involvedObject"]!["namespace"]);
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount((string)_written.First()["message"]!), 1000, 1024);
    }

    [Fact]
    public async Task Events_are_written_one_at_a_time_with_a_pause_and_one_that_fails_hurts_nobody()
    {
        Answer(403);
        _events.Add(Bad("a"));
        _events.Add(Bad("b"));
        await UntilAsync(() => _log.Lines.Contains("No Event can be written about Service default/a: events is forbidden"));
        Answer(201);
        Assert.Single(_written);
        await UntilAsync(() =>
        {
            _time.Advance(LeftOutEvents.Pause);
            return _written.Count == 2;
        });
        Assert.Equal("b", (string?)_written.Last()["involvedObject"]!["name"]);
    }

    [Fact]
    public void What_comes_too_fast_is_dropped_without_waiting()
    {
        for (var i = 0; i < 100_000; i++)
            _events.Add(Bad($"s{i}"));
    }
}
