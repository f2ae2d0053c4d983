using Podnet.Fixtures;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What happens to a pod, and what the cluster makes of it.</summary>
[Collection(nameof(NginxCase))]
public sealed class LifeTests(NginxCase nginx)
{
    private readonly LocalCluster _cluster = nginx.Cluster;

    [Fact]
    public void A_container_that_dies_is_started_again_at_the_same_address()
    {
        var restarts = int.Parse(Pod("nginx-0", "{.status.containerStatuses[0].restartCount}"));
        // The command is in the container that it ends, and may be ended with it: what counts is what comes of it.
        LocalCluster.Try("exec", "--name", _cluster.Name, "pod/nginx-0", "--", "nginx", "-s", "stop");
        Poll.Until(
            () => Pod("nginx-0", "{.status.containerStatuses[0].restartCount}") == $"{restarts + 1}" && Ready("nginx-0"), () => Pod("nginx-0", "{.status}"));
        Assert.Equal("10.240.0.28", Pod("nginx-0", "{.status.podIP}"));
    }

    [Fact]
    public void A_sandbox_whose_pause_is_killed_is_made_anew_at_the_same_address()
    {
        var pause = _cluster.Paths.SandboxPid("default", "nginx-1")!.Value;
        Signals.Send(pause, Signals.Kill);
        Poll.Until(
            () => _cluster.Paths.SandboxPid("default", "nginx-1") is { } now && now != pause && Ready("nginx-1"), () => Pod("nginx-1", "{.status}"));
        Assert.Equal("10.240.0.57", Pod("nginx-1", "{.status.podIP}"));
        Poll.Until(
            () => Requests.Send(_cluster.Paths.OpenNode("node-1"), System.Net.IPEndPoint.Parse("10.240.0.57:80"), 1, "/").Failed == 0, () => "it does not answer");
    }

    [Fact]
    public void A_deleted_pod_comes_back_under_its_name_and_address()
    {
        var uid = Pod("nginx-1", "{.metadata.uid}");
        _cluster.Kubectl("delete", "pod", "nginx-1", "--wait=false");
        Poll.Until(() => PodOrEmpty("nginx-1", "{.metadata.uid}") is { Length: > 0 } now && now != uid && Ready("nginx-1"), () => "nginx-1 did not come back");
        Assert.Equal("10.240.0.57", Pod("nginx-1", "{.status.podIP}"));
    }

    [Fact]
    public async Task No_connection_breaks_when_the_agent_is_killed()
    {
        var failures = await KilledAgent.AssertNothingBreaksAsync(
            _cluster, "nginx", System.Net.IPEndPoint.Parse("10.0.33.45:80"), ["iptables", "-F", "KUBE-FIREWALL"], () => Rules("node-1"));
        // In some 100,000 new connections one or two are not translated, now and then: why is not known. A chain that was away would fail hundreds.
        Assert.InRange(failures.Count, 0, 3);
    }

    /// <summary>Sorted: rules of different Services have no order among each other.</summary>
    private string Rules(string node)
    {
        using var inside = _cluster.Paths.OpenNode(node);
        return string.Join('\n', SavedRules.Normalize(inside.Run(() => Tool.Run("iptables-save"))));
    }

    private bool Ready(string pod) => PodOrEmpty(pod, "{.status.conditions[?(@.type=='Ready')].status}") == "True";

    private string Pod(string name, string path) => _cluster.Kubectl("get", "pod", name, "-o", $"jsonpath={path}");

    private string PodOrEmpty(string name, string path) => _cluster.Kubectl("get", "pod", name, "--ignore-not-found", "-o", $"jsonpath={path}");
}
