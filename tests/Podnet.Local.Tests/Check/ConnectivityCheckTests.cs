using System.Text.Json;
using Podnet.Local.Check;

namespace Podnet.Local.Tests.Check;

public sealed class ConnectivityCheckTests : IDisposable
{
    private readonly Network _network = new();

    public void Dispose() => _network.Dispose();

    [Fact]
    public async Task On_a_right_network_every_row_holds_and_says_what_the_server_saw()
    {
        var report = await _network.CheckAsync();

        Assert.Equal([], Failures(report));
        Assert.True(report.Ok);
        Assert.Equal(
            [
                "pod to pod 2", "node to pod 4", "pod to node 4", "pod to itself through its Service 2", "pod to Service 2",
                "node to Service 2", "outside to node port 2", "pod to outside 2",
            ],
            report.Summary.Select(count => $"{count.Kind} {count.Total}"));
        var itself = Assert.Single(report.Rows, row => row.Kind == CheckKind.PodToItself && row.From == "pod/default/pod1");
        Assert.Equal(("pod/default/pod1", "default/nginx:web 10.0.33.45:80", "10.99.0.2", "node/node1"), (itself.To, itself.Via, itself.Source, itself.SourceOf));
        var external = Assert.Single(report.Rows, row => row.Kind == CheckKind.OutsideToNodePort && row.Via == "default/nginx:web 10.99.0.3:30080");
        Assert.Equal(("10.99.0.3", "node/node2"), (external.Source, external.SourceOf));
        Assert.All(report.Rows.Where(row => row.Kind == CheckKind.PodToPod), row => Assert.Equal("own", row.SourceOf));
    }

    [Fact]
    public async Task A_masquerade_in_the_way_between_pods_fails_exactly_the_rows_that_it_touches()
    {
        _network.Iptables("node1", $"-t nat -I POSTROUTING -s {Network.Pod1} -d {Network.Pod2} -p tcp ! --dport 8080 -j MASQUERADE");

        var report = await _network.CheckAsync();

        Assert.False(report.Ok);
        Assert.Equal(
            ["pod/default/pod1 pod/default/pod2 10.99.0.2 node/node1: wrong source: the server saw 10.99.0.2, not the client's own 10.240.0.28: something on the way translates addresses"],
            Failures(report));
    }

    /// <summary>The client's node knows nothing of it: only the server's node and the server do.</summary>
    [Fact]
    public async Task A_masquerade_on_the_server_s_node_is_seen_through_a_service_too()
    {
        _network.Iptables("node2", "-t nat -I POSTROUTING -p tcp --dport 8080 ! -s 10.240.0.57 -j MASQUERADE");
        // So that chance cannot send the node and the pod elsewhere.
        _network.Iptables("node1", $"-t nat -I NGINX -p tcp -j DNAT --to-destination {Network.Pod2}:8080");

        var report = await _network.CheckAsync();

        var row = Assert.Single(report.Rows, r => r.Kind == CheckKind.PodToService && r.From == "pod/default/pod1");
        Assert.Equal(("pod/default/pod2", "10.99.0.3", "node/node2", false), (row.To, row.Source, row.SourceOf, row.Ok));
        Assert.StartsWith("wrong source", row.Reason);
        var itself = Assert.Single(report.Rows, r => r.Kind == CheckKind.PodToItself && r.From == "pod/default/pod1");
        Assert.Equal("in 60 connections it was never sent to itself, one of 2 endpoints", itself.Reason);
    }

    [Fact]
    public async Task A_pod_that_is_not_masqueraded_to_itself_gets_no_answer()
    {
        _network.Iptables("node1", $"-t nat -D POSTROUTING -s {Network.Pod1}/32 -d {Network.Pod1}/32 -j MASQUERADE");

        var report = await _network.CheckAsync(timeout: 1.5);

        var itself = Assert.Single(report.Rows, row => row.Kind == CheckKind.PodToItself && !row.Ok);
        Assert.Equal("pod/default/pod1", itself.From);
        Assert.Equal("timed out after 1.5 s: 10.0.33.45:80 does not answer", itself.Reason);
    }

    [Fact]
    public async Task What_is_dropped_times_out_and_what_is_rejected_is_refused()
    {
        _network.Iptables("node2", $"-I FORWARD -s {Network.Pod1} -d {Network.Pod2} -j DROP");
        _network.Iptables("node1", "-I INPUT -s 10.240.0.57 -p tcp -j REJECT");

        var report = await _network.CheckAsync(timeout: 1.5);

        Assert.Contains(report.Rows, row => row is { From: "pod/default/pod1", To: "pod/default/pod2", Via: null, Ok: false, Source: null }
            && row.Reason!.StartsWith("timed out after 1.5 s", StringComparison.Ordinal));
        Assert.Contains(report.Rows, row => row is { From: "pod/default/pod2", To: "node/node1", Ok: false }
            && row.Reason!.StartsWith("refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_without_endpoints_has_to_refuse_and_one_that_answers_all_the_same_is_wrong()
    {
        var answering = await _network.CheckAsync(withEndpoints: false);
        Assert.All(answering.Rows.Where(row => row.Via is not null), row => Assert.Contains("although it should have none", row.Reason));

        foreach (var node in new[] { "node1", "node2" })
        {
            _network.Iptables(node, "-t nat -F NGINX");
            _network.Iptables(node, "-I FORWARD -d 10.0.33.45 -j REJECT");
            _network.Iptables(node, "-I OUTPUT -d 10.0.33.45 -j REJECT");
        }

        var refusing = await _network.CheckAsync(withEndpoints: false);
        Assert.Equal([], Failures(refusing));
        Assert.All(refusing.Rows.Where(row => row.Via is not null), row => Assert.Equal("refused: nothing serves it", row.Expected));
    }

    [Fact]
    public async Task A_pod_without_the_address_that_it_is_known_by_fails()
    {
        _network.Ip("pod2", "address del 10.240.0.57/32 dev eth0");

        var report = await _network.CheckAsync(timeout: 1.5);

        Assert.Contains("pod/default/pod1 pod/default/pod2  : wrong address: pod/default/pod2 has 10.240.0.57 on none of its interfaces", Failures(report));
    }

    [Fact]
    public async Task As_json_it_says_the_same()
    {
        var report = await _network.CheckAsync();

        using var json = JsonDocument.Parse(JsonSerializer.Serialize(report, CheckJson.Default.CheckReport));

        Assert.True(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.Equal(report.Rows.Length, json.RootElement.GetProperty("rows").GetArrayLength());
        Assert.Equal("own", json.RootElement.GetProperty("rows")[0].GetProperty("sourceOf").GetString());
        Assert.Equal("pod to pod", json.RootElement.GetProperty("summary")[0].GetProperty("kind").GetString());
    }

    private static IEnumerable<string> Failures(CheckReport report) =>
        report.Rows.Where(row => !row.Ok).Select(row => $"{row.From} {row.To} {row.Source} {row.SourceOf}: {row.Reason}");
}
