using Podnet.Linux;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

public class CleanupTests
{
    [Fact]
    public async Task A_new_kubelet_ends_what_an_earlier_one_left()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("exec sleep 1000"));
        await run.UntilRunningAsync();
        var pids = new[] { run.PausePid, run.MainPid };
        await node.AbandonAsync();

        await node.NewRuntime().RemoveLeftoversAsync();

        Assert.DoesNotContain(pids, ProcessTable.IsAlive);
        Assert.Empty(Directory.GetFileSystemEntries(node.Runtime.Folder));
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.Runc));
        Assert.Contains("\nDEL ", node.CniCalls);
    }

    [Fact]
    public async Task Restart_counts_survive_a_new_kubelet()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        pod.Status = run.Status;
        run.Vanish();
        await run.UntilEndedAsync();

        var again = node.Run(pod);
        await again.UntilRunningAsync();
        Assert.Equal(1, again.Main.RestartCount);
        Assert.Equal("ContainerStatusUnknown", again.Main.LastState.Terminated.Reason);
    }

    [Fact]
    public async Task Everything_of_a_cluster_is_removed_whatever_its_kubelet_was_doing()
    {
        await using var node = new TestNode();
        var first = node.Run(TestNode.Script("exec sleep 1000"));
        await first.UntilRunningAsync();
        var second = node.Run(TestNode.Script("exec sleep 1000", name: "web-1"));
        await second.UntilAsync(() => Directory.GetDirectories(node.Runtime.Folder).Length > 2);
        await node.AbandonAsync();
        // Somebody's shell in a pod: in none of the cluster's cgroups.
        using var network = NetworkNamespace.OfProcess(first.PausePid);
        var shell = network.Run(() => ChildProcess.Start(new ProcessStart("sleep", ["1000"])));

        KubeletCleanup.RemoveAll(node.Paths);
        KubeletCleanup.RemoveAll(node.Paths);

        Assert.Equal(Signals.Kill, (await shell.Exited).Signal);
        Assert.Empty(Cgroups.Processes(node.Paths.Cgroup));
        Assert.DoesNotContain(Cgroups.Hierarchies(), hierarchy => Directory.Exists(hierarchy + node.Paths.Cgroup));
        Assert.Equal([node.Paths.Run], Mounts.Below(node.Paths.Run));
        Assert.False(Directory.Exists(node.Paths.Containers));
        Assert.False(Directory.Exists(node.Paths.Runc));
    }
}
