using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What the agents put into the nodes' kernels in nftables mode, and what they say about it.</summary>
[Collection(nameof(NftablesCase))]
public sealed class NftablesTableTests(NftablesCase nft)
{
    private readonly LocalCluster _cluster = nft.Cluster;

    [Theory]
    [InlineData("flush ruleset")]
    [InlineData("delete table ip podnet")]
    [InlineData("flush chain ip podnet services-output")]
    [InlineData("delete element ip podnet services { 10.96.0.80 . tcp . 80 }")]
    [InlineData("delete element ip podnet endpoints { 10.96.0.80 . tcp . 80 . 1 }")]
    [InlineData("add element ip podnet cluster-ips { 10.96.77.77 }")]
    public void What_somebody_changes_is_put_right_at_once(string command)
    {
        var before = nft.Ruleset("node-2");
        Assert.Contains("10.96.0.80 . tcp . 80 counter comment \"default/web:http\" : goto cluster-ip-2", before, StringComparison.Ordinal);
        nft.In("node-2", "nft", command);
        // Less than until the agent looks at everything anyway, which is every 30 s.
        Poll.Until(() => nft.Ruleset("node-2") == before, () => $"expected:\n{before}\nfound:\n{nft.Ruleset("node-2")}");
    }

    [Fact]
    public void A_node_has_one_table_and_no_KUBE_chains()
    {
        Assert.Equal("table ip podnet\n", nft.In("node-1", "nft", "list", "tables", "ip"));
        Assert.DoesNotContain("KUBE-", nft.In("node-1", "iptables-save"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_joins_gets_the_Services_and_one_that_leaves_takes_all_with_it()
    {
        _cluster.Podnet("node", "add", "node-3");
        Poll.Until(() => Answers("node-3"), () => "the Service does not answer on node-3");
        _cluster.Podnet("node", "remove", "node-3");
        Poll.Until(() => !NetworkNamespace.Exists(_cluster.Paths.NodeNamespace("node-3")), () => "the node's namespace stays");
    }

    [Fact]
    public void Health_and_metrics_answer_on_the_node()
    {
        Assert.Contains("\"lastUpdated\"", _cluster.Exec("node/node-1", "curl", "-sf", "http://127.0.0.1:10256/healthz"), StringComparison.Ordinal);
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_count", _cluster.Exec("node/node-1", "curl", "-sf", "http://127.0.0.1:10249/metrics"), StringComparison.Ordinal);
        Assert.Equal("nftables", _cluster.Exec("node/node-1", "curl", "-sf", "http://127.0.0.1:10249/proxyMode"));
    }

    [Fact]
    public void A_connection_from_pod_to_pod_goes_past_the_rules_of_both_nodes()
    {
        var pods = nft.Pods();
        var address = _cluster.Kubectl("get", "pod", pods[1], "-o", "jsonpath={.status.podIP}");
        // Over one connection, and longer than until the next look of the agents.
        Poll.Until(
            () =>
            {
                _cluster.Exec($"pod/{pods[0]}", "curl", "-s", "-o", "/dev/null", $"http://{address}/?[1-200]");
                return Taken("node-1") > 400 && Taken("node-2") > 400;
            },
            () => $"{Taken("node-1")} and {Taken("node-2")} packets");

        double Taken(string node) => double.Parse(
            _cluster.Exec($"node/{node}", "curl", "-sf", "http://127.0.0.1:10249/metrics").Split('\n')
                .Single(line => line.StartsWith("podnet_fast_path_packets_total ", StringComparison.Ordinal)).Split(' ')[1],
            System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Explain_tells_the_story_with_the_elements_that_are_there()
    {
        var text = _cluster.Podnet("explain", "service", "web", "--node", "node-1");
        Assert.Contains("which is in nftables mode", text, StringComparison.Ordinal);
        Assert.Contains("10.96.0.80 . tcp . 80 comment \"default/web:http\" : goto cluster-ip-2", text, StringComparison.Ordinal);
        Assert.Contains("numgen random mod 2 map @endpoints", text, StringComparison.Ordinal);
        Assert.Contains("It answers on 10.99.0.2 of node-1 (node-port-ips), and not on 127.0.0.1.", text, StringComparison.Ordinal);
        Assert.Contains("leaves by eth0 to node node-2", text, StringComparison.Ordinal);
        Assert.Contains("A client stays with its endpoint for 3h", _cluster.Podnet("explain", "service", "sticky"), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_holds_in_this_mode_too()
    {
        var result = LocalCluster.Try("check", "--name", _cluster.Name);
        Assert.True(result.Succeeded, result.StandardOutput);
        Assert.Contains("outside to node port", result.StandardOutput, StringComparison.Ordinal);
    }

    private bool Answers(string node)
    {
        using var inside = _cluster.Paths.OpenNode(node);
        return Requests.Send(inside, System.Net.IPEndPoint.Parse(NftablesCase.ClusterIP), 1, "/").Failed == 0;
    }
}
