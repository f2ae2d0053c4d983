using k8s.Models;
using Podnet.Linux;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

public class PodRunTests
{
    [Fact]
    public async Task A_container_has_the_address_and_host_name_of_its_pod()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("hostname; ip -o -4 addr show eth0; cat /etc/hosts /etc/hostname; echo done; exec sleep 1000");
        pod.Metadata.Annotations = new Dictionary<string, string> { ["podnet.dev/pod-ip"] = "10.240.0.28" };
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0).Contains("done"));

        Assert.Equal("10.240.0.28", run.Status.PodIP);
        Assert.Equal("10.99.0.2", run.Status.HostIP);
        Assert.StartsWith("web-0\n", run.Log(0));
        Assert.Contains("inet 10.240.0.28/32", run.Log(0));
        Assert.Contains("10.240.0.28\tweb-0\n", run.Log(0));
        Assert.Contains("127.0.0.1\tlocalhost", run.Log(0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Containers_join_the_sandboxs_namespaces_and_its_processes_only_if_asked(bool share)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.ShareProcessNamespace = share;
        var run = node.Run(pod);
        await run.UntilRunningAsync();

        foreach (var kind in new[] { "net", "ipc", "uts" })
            Assert.Equal(Namespace(run.PausePid, kind), Namespace(run.MainPid, kind));
        Assert.Equal(share, Namespace(run.PausePid, "pid") == Namespace(run.MainPid, "pid"));
        Assert.NotEqual(Namespace(run.PausePid, "mnt"), Namespace(run.MainPid, "mnt"));
        Assert.NotEqual(Namespace(Environment.ProcessId, "net"), Namespace(run.PausePid, "net"));
    }

    [Fact]
    public async Task A_pod_on_the_host_network_is_in_the_nodes_namespace_and_has_its_address()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.HostNetwork = true;
        var run = node.Run(pod);
        await run.UntilRunningAsync();

        using var expected = NetworkNamespace.OpenNamed(node.Paths.NodeNamespace(TestNode.Name));
        Assert.Equal(expected.Run(() => NetworkNamespace.IdentityOf("/proc/thread-self/ns/net")), Namespace(run.MainPid, "net"));
        Assert.Equal("10.99.0.2", run.Status.PodIP);
        Assert.DoesNotContain("ADD", node.CniCalls);
    }

    [Fact]
    public async Task Nginx_answers_as_its_official_image_does_and_logs_to_the_containers_output()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("");
        pod.Spec.Containers = [new V1Container { Name = "nginx", Image = "docker.io/library/nginx:1.25" }];
        var run = node.Run(pod);
        await run.UntilRunningAsync();

        using var inside = NetworkNamespace.OfProcess(run.PausePid);
        var answer = "";
        await run.UntilAsync(() =>
        {
            var curl = inside.Run(() => ChildProcess.Run("curl", "-sS", "--noproxy", "*", $"http://{run.Status.PodIP}/"));
            answer = curl.StandardOutput;
            return curl.Succeeded;
        });
        Assert.Contains("nginx", answer);
        await run.UntilAsync(() => run.Log(0).Contains($"{run.Status.PodIP} - - ") && run.Log(0).Contains("GET / HTTP/1.1\" 200"));
        Assert.Equal("program:/usr/sbin/nginx", run.Main.ImageID);
        Assert.Equal(["Pulled", "Created", "Started"], run.Events.Select(e => e.Split(':')[0]));
    }

    [Fact]
    public async Task A_container_that_crashes_runs_again_at_once_then_after_a_back_off_with_the_same_address()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("exit 3"));
        await run.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting?.Reason == "CrashLoopBackOff");

        Assert.Equal(1, run.Main.RestartCount);
        Assert.Equal(3, run.Main.LastState.Terminated.ExitCode);
        Assert.StartsWith("back-off 10s", run.Main.State.Waiting.Message);
        Assert.Equal("Running", run.Status.Phase);
        Assert.Equal("False", Condition(run.Status, "Ready").Status);
        Assert.Equal("ContainersNotReady", Condition(run.Status, "Ready").Reason);
        Assert.Equal("10.240.0.1", run.Status.PodIP);
        Assert.Single(node.CniCalls.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("", run.Log(1));
    }

    [Fact]
    public async Task A_container_that_is_killed_keeps_its_pods_sandbox_and_address()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("exec sleep 1000"));
        await run.UntilRunningAsync();
        var (pause, address) = (run.PausePid, run.Status.PodIP);

        Signals.Send(run.MainPid, Signals.Kill);
        await run.UntilAsync(status => status.ContainerStatuses[0] is { RestartCount: 1, State.Running: not null });

        Assert.Equal(137, run.Main.LastState.Terminated.ExitCode);
        Assert.Equal((pause, address), (run.PausePid, run.Status.PodIP));
        Assert.Equal("True", Condition(run.Status, "Ready").Status);
    }

    [Fact]
    public async Task A_lost_sandbox_is_made_anew_and_all_containers_in_it()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"));
        await run.UntilRunningAsync();
        var (pause, main) = (run.PausePid, run.MainPid);

        Signals.Send(pause, Signals.Kill);
        await run.UntilAsync(status => status.ContainerStatuses[0] is { RestartCount: 1, State.Running: not null });

        Assert.NotEqual(pause, run.PausePid);
        Assert.False(ProcessTable.IsAlive(main));
        Assert.Equal(Namespace(run.PausePid, "net"), Namespace(run.MainPid, "net"));
        Assert.Equal(["ADD", "DEL", "ADD"], node.CniCalls.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(call => call.Split(' ')[0]));
        Assert.Equal(2, Directory.GetDirectories(node.Runtime.Folder).Length);
    }

    [Fact]
    public async Task Deletion_asks_first_and_kills_when_the_grace_period_is_over()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("trap 'echo asked' TERM; echo ready; while :; do sleep 1000 & wait; done");
        pod.Spec.Containers.Add(new V1Container { Name = "polite", Image = "sh", Command = ["sh", "-c", "trap 'exit 7' TERM; echo; while :; do sleep 1000 & wait; done"] });
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0).Contains("ready"));

        run.Delete(graceSeconds: 1);
        await run.UntilAsync(() => !Directory.Exists(run.Pod.LogFolder(node.Paths)) || run.Log(0).Contains("asked"));
        await run.UntilEndedAsync();

        Assert.Equal(137, run.Main.State.Terminated.ExitCode);
        Assert.Equal(7, run.Status.ContainerStatuses[1].State.Terminated.ExitCode);
        Assert.Equal("Failed", run.Status.Phase);
    }

    [Fact]
    public async Task A_grace_period_that_is_shortened_meanwhile_counts()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("trap '' TERM; while :; do sleep 1000; done"));
        await run.UntilRunningAsync();
        run.Delete(graceSeconds: 3600);
        await run.UntilAsync(() => run.Events.Any(e => e.StartsWith("Killing", StringComparison.Ordinal)));

        run.Delete(graceSeconds: 1);
        await run.UntilEndedAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nothing_of_a_deleted_pod_is_left(bool vanishes)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.TerminationGracePeriodSeconds = 1;
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        var pids = new[] { run.PausePid, run.MainPid };

        if (vanishes)
            run.Vanish();
        else
            run.Delete(graceSeconds: 1);
        await run.UntilEndedAsync();

        Assert.DoesNotContain(pids, ProcessTable.IsAlive);
        Assert.Empty(Directory.GetFileSystemEntries(node.Runtime.Folder));
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.Runc));
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.Sandboxes));
        Assert.Empty(Mounts.Below(node.Paths.Containers));
        Assert.False(Directory.Exists(pod.LogFolder(node.Paths)));
        Assert.DoesNotContain(Cgroups.Hierarchies(), hierarchy => Directory.Exists(hierarchy + pod.Cgroup(node.Paths)));
        Assert.Contains("\nDEL ", node.CniCalls);
    }

    [Theory]
    [InlineData("Never", "exit 0", "Succeeded", 0)]
    [InlineData("Never", "exit 4", "Failed", 0)]
    [InlineData("OnFailure", "exit 0", "Succeeded", 0)]
    public async Task A_pod_that_is_done_stays_so_and_frees_its_address(string restartPolicy, string script, string phase, int restarts)
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script(script, restartPolicy));
        await run.UntilAsync(status => status.Phase == phase);
        await run.UntilAsync(() => node.CniCalls.Contains("\nDEL "));

        Assert.Equal(restarts, run.Main.RestartCount);
        await run.UntilAsync(() => node.Paths.SandboxPid("default", "web-0") is null);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_a_start_error_with_runcs_words()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("", "Never");
        pod.Spec.Containers[0].Command = ["/no/such/program"];
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase == "Failed");

        Assert.Equal((128, "StartError"), (run.Main.State.Terminated.ExitCode, run.Main.State.Terminated.Reason));
        Assert.Contains("/no/such/program", run.Main.State.Terminated.Message);
    }

    [Fact]
    public async Task A_plugin_that_fails_is_asked_again_with_a_new_sandbox()
    {
        await using var node = new TestNode();
        File.WriteAllText($"{node.Paths.Run}/cni-fails", "");
        var run = node.Run(TestNode.Script("exec sleep 1000"));
        await run.UntilAsync(() => run.Events.Any(e => e.StartsWith("FailedCreatePodSandBox", StringComparison.Ordinal)));
        Assert.Contains("try again: because the test says so", run.Events.First());

        File.Delete($"{node.Paths.Run}/cni-fails");
        await run.UntilRunningAsync();
        Assert.Equal(2, Directory.GetDirectories(node.Runtime.Folder).Length);
    }

    [Theory]
    [InlineData("privileged")]
    [InlineData("SYS_ADMIN")]
    public async Task What_would_reach_the_machine_is_refused(string what)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.Containers[0].SecurityContext = what == "privileged"
            ? new V1SecurityContext { Privileged = true }
            : new V1SecurityContext { Capabilities = new V1Capabilities { Add = [what] } };
        var run = node.Run(pod);
        await run.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting?.Reason == "CreateContainerConfigError");
        Assert.Contains("would reach the machine itself", run.Main.State.Waiting.Message);
    }

    private static string Namespace(int pid, string kind) => new FileInfo($"/proc/{pid}/ns/{kind}").LinkTarget!;

    private static V1PodCondition Condition(V1PodStatus status, string type) => status.Conditions.Single(c => c.Type == type);
}
