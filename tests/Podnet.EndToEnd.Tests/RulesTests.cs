using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What the agents put into the nodes' kernels.</summary>
[Collection(nameof(NginxCase))]
public sealed class RulesTests(NginxCase nginx)
{
    private readonly LocalCluster _cluster = nginx.Cluster;

    [Theory]
    [InlineData("node-1")]
    [InlineData("node-2")]
    public void Each_node_has_exactly_the_rules_of_kube_proxy(string node) =>
        Poll.Until(() => Saved(node) == Expected, () => $"expected:\n{Expected}\nfound:\n{Saved(node)}");

    [Theory]
    [InlineData("iptables", "-t", "nat", "-F")]
    [InlineData("iptables", "-t", "filter", "-F", "KUBE-FORWARD")]
    [InlineData("iptables", "-t", "nat", "-D", "PREROUTING", "1")]
    [InlineData("nft", "flush", "ruleset")]
    public void Rules_that_somebody_takes_away_are_put_back(string program, params string[] arguments)
    {
        Poll.Until(() => Saved("node-2") == Expected, () => Saved("node-2"));
        In("node-2", program, arguments);
        Poll.Until(() => Saved("node-2") == Expected, () => $"expected:\n{Expected}\nfound:\n{Saved("node-2")}");
    }

    [Fact]
    public void A_route_that_somebody_deletes_is_put_back()
    {
        In("node-1", "ip", "route", "del", "10.240.0.32/27");
        Poll.Until(
            () => Route("node-1", "10.240.0.32/27") == "10.240.0.32/27 via 10.99.0.3 dev eth0 proto 80", () => In("node-1", "ip", "route"));
    }

    [Fact]
    public void A_foreign_rule_is_left_alone()
    {
        In("node-1", "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP");
        try
        {
            In("node-1", "iptables", "-t", "nat", "-F", "KUBE-SERVICES");
            Poll.Until(() => Saved("node-1").Contains("-A KUBE-SERVICES -d 10.0.33.45", StringComparison.Ordinal), () => Saved("node-1"));
            Assert.Contains("--dport 9 -j DROP", In("node-1", "iptables-save"), StringComparison.Ordinal);
        }
        finally
        {
            In("node-1", "iptables", "-D", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP");
        }
    }

    [Fact]
    public void Routes_and_rules_follow_a_node_that_comes_and_goes()
    {
        _cluster.Podnet("node", "add", "node-3", "--pod-cidr", "10.240.0.64/27");
        Poll.Until(
            () => Route("node-1", "10.240.0.64/27") == "10.240.0.64/27 via 10.99.0.4 dev eth0 proto 80", () => In("node-1", "ip", "route"));
        Assert.Equal("10.240.0.0/27 via 10.99.0.2 dev eth0 proto 80", Route("node-3", "10.240.0.0/27"));
        Poll.Until(() => Saved("node-3") == Expected, () => Saved("node-3"));
        var manifest = Path.GetTempFileName();
        File.WriteAllText(manifest, """
            apiVersion: v1
            kind: Pod
            metadata: { name: leaving }
            spec: { nodeName: node-3, containers: [{ name: nginx, image: nginx }] }
            """);
        _cluster.Kubectl("create", "-f", manifest);
        File.Delete(manifest);
        Poll.Until(() => _cluster.Paths.SandboxPid("default", "leaving") is not null, () => "the pod on node-3 does not start");
        var pause = _cluster.Paths.SandboxPid("default", "leaving")!.Value;

        _cluster.Podnet("node", "remove", "node-3");
        Poll.Until(() => !ProcessTable.IsAlive(pause), () => "the pod's pause outlives its node");
        Poll.Until(() => _cluster.Kubectl("get", "pod", "leaving", "--ignore-not-found", "-o", "name") == "", () => "the pod outlives its node");
        Poll.Until(() => Route("node-1", "10.240.0.64/27") == "", () => In("node-1", "ip", "route"));
    }

    private static string Expected { get; } =
        string.Join('\n', SavedRules.Normalize(File.ReadAllText(Repository.Fixture("rules/01-clusterip/iptables-save.txt"))));

    private string Saved(string node) => string.Join('\n', SavedRules.Normalize(In(node, "iptables-save")));

    private string Route(string node, string destination) => In(node, "ip", "route", "show", destination).TrimEnd();

    private string In(string node, string program, params string[] arguments)
    {
        using var inside = _cluster.Paths.OpenNode(node);
        return inside.Run(() => Tool.Run(program, arguments));
    }
}
