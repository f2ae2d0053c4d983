using System.Text.Json;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>What explain, check, status and exec show of the running cluster.</summary>
[Collection(nameof(NginxCase))]
public sealed class SeeingTests(NginxCase nginx)
{
    private readonly LocalCluster _cluster = nginx.Cluster;

    [Fact]
    public void Explain_tells_the_story_with_the_rules_that_are_there()
    {
        _cluster.Exec("node/node-1", "curl", "-s", "-o", "/dev/null", "http://10.0.33.45/");
        var text = Run("explain", "service", "nginx", "--node", "node-1");
        Assert.Contains("10.0.33.45 is on no interface of node-1", text, StringComparison.Ordinal);
        Assert.Contains("-A KUBE-SERVICES -d 10.0.33.45/32 -p tcp -m comment --comment \"default/nginx:web cluster IP\" -m tcp --dport 80 -j KUBE-SVC-YK2SNH4V42VSDWIJ", text, StringComparison.Ordinal);
        Assert.Contains("--probability 0.50000000000 -j KUBE-SEP-B4KBD76YHXMJL4VO", text, StringComparison.Ordinal);
        Assert.Contains("-j DNAT --to-destination 10.240.0.57:80", text, StringComparison.Ordinal);
        Assert.Contains("route 10.240.0.32/27 via 10.99.0.3, leaves by eth0 to node node-2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_as_data_has_counters_that_count_real_connections()
    {
        ulong Caught() => Port(Run("explain", "service", "nginx", "--node", "node-2", "-o", "json")).GetProperty("caughtBy").GetProperty("packets").GetUInt64();
        var before = Caught();
        for (var i = 0; i < 5; i++)
            _cluster.Exec("node/node-2", "curl", "-s", "-o", "/dev/null", "http://10.0.33.45/");
        Assert.Equal(before + 5, Caught());
    }

    [Fact]
    public void Check_holds_on_a_sound_cluster_and_fails_on_one_that_hides_clients()
    {
        var sound = LocalCluster.Try("check", "--name", _cluster.Name, "-o", "json");
        Assert.True(sound.Succeeded, sound.StandardOutput);
        var rows = JsonDocument.Parse(sound.StandardOutput).RootElement.GetProperty("rows").EnumerateArray().ToList();
        foreach (var kind in new[] { "pod to pod", "node to pod", "pod to node", "pod to itself through its Service", "pod to outside" })
            Assert.Contains(rows, row => row.GetProperty("kind").GetString() == kind);

        _cluster.Exec("node/node-1", "iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.240.0.28", "-d", "10.240.0.57", "-j", "MASQUERADE");
        try
        {
            var hiding = LocalCluster.Try("check", "--name", _cluster.Name);
            Assert.Equal(1, hiding.Status.Code);
            Assert.Contains("✗ pod/default/nginx-0 → pod/default/nginx-1", hiding.StandardOutput, StringComparison.Ordinal);
        }
        finally
        {
            _cluster.Exec("node/node-1", "iptables", "-t", "nat", "-D", "POSTROUTING", "-s", "10.240.0.28", "-d", "10.240.0.57", "-j", "MASQUERADE");
        }
    }

    [Fact]
    public void Exec_gives_back_the_exit_code_and_runs_in_the_pods_own_file_system()
    {
        var result = LocalCluster.Try("exec", "--name", _cluster.Name, "pod/nginx-0", "--", "sh", "-c", "hostname; cat /etc/shadow; exit 3");
        Assert.Equal(3, result.Status.Code);
        Assert.Equal("nginx-0\n", result.StandardOutput);
    }

    [Fact]
    public async Task Ctrl_C_under_exec_is_the_commands_own_matter()
    {
        var ready = Path.GetTempFileName();
        var child = ChildProcess.Start(new ProcessStart(
            Repository.Podnet,
            ["exec", "--name", _cluster.Name, "outside", "--", "sh", "-c", $"trap '' INT; echo yes > {ready}; sleep 3; exit 5"]));
        Poll.Until(() => File.ReadAllText(ready) == "yes\n", () => "the command does not start");
        File.Delete(ready);
        child.Kill(Signals.Interrupt);
        Assert.Equal(new ExitStatus(5, 0), await child.Exited);
    }

    [Fact]
    public void Status_shows_every_node_pod_and_Service_with_its_address()
    {
        var text = Run("status");
        foreach (var word in new[] { "node-1", "10.99.0.3", "10.240.0.32/27", "nginx-0", "10.240.0.57", "10.0.33.45", "80/TCP" })
            Assert.Contains(word, text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kubeconfig_is_the_owners_alone()
    {
        var path = Run("kubeconfig").Trim();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    private string Run(string command, params string[] arguments) => _cluster.Podnet(command, arguments);

    private static JsonElement Port(string json) => JsonDocument.Parse(json).RootElement.GetProperty("ports")[0];
}
