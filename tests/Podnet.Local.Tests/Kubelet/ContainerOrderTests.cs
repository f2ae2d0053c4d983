using k8s.Models;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>Init containers, sidecars and hooks: what runs when.</summary>
public class ContainerOrderTests
{
    [Fact]
    public async Task Init_containers_run_one_after_the_other_to_their_end_before_the_others_start()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("[ -e /dev/shm/two ] && echo after; exec sleep 1000");
        pod.Spec.InitContainers =
        [
            Shell("one", "until [ -e /dev/shm/go ]; do sleep 0.05; done; touch /dev/shm/one"),
            Shell("two", "[ -e /dev/shm/one ] && touch /dev/shm/two"),
        ];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.InitContainerStatuses is [{ State.Running: not null }, ..]);
        Assert.Equal(("Pending", "PodInitializing", "False"), (run.Status.Phase, run.Main.State.Waiting.Reason, Initialized(run)));

        var id = run.Status.InitContainerStatuses[0].ContainerID["runc://".Length..];
        await File.WriteAllTextAsync($"/proc/{await File.ReadAllTextAsync($"{node.Runtime.Folder}/{id}/pid")}/root/dev/shm/go", "");
        await run.UntilAsync(() => run.Status.Phase == "Running");
        await run.UntilAsync(() => run.Log(0) == "after\n");
        Assert.All(run.Status.InitContainerStatuses, s => Assert.True(s is { Ready: true, State.Terminated.ExitCode: 0 }));
        Assert.Equal("True", Initialized(run));
    }

    [Theory]
    [InlineData("Never", "Failed")]
    [InlineData("Always", "Pending")]
    public async Task An_init_container_that_fails_is_tried_again_unless_the_pod_says_never(string policy, string phase)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000", policy);
        pod.Spec.InitContainers = [Shell("one", "exit 3")];
        var run = node.Run(pod);
        await run.UntilAsync(() => policy == "Never"
            ? run.Status.Phase == "Failed"
            : run.Status.InitContainerStatuses is [{ RestartCount: 1, State.Waiting.Reason: "CrashLoopBackOff" }]);
        Assert.Equal(phase, run.Status.Phase);
        Assert.Equal(0, run.Main.RestartCount);
        Assert.Null(run.Main.State.Running);
    }

    [Fact]
    public async Task A_sidecar_has_started_before_the_others_start_and_ends_after_them()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("cat /dev/shm/sidecar; exit 0", "Never");
        var sidecar = Shell("side", "echo here > /dev/shm/sidecar; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done");
        sidecar.RestartPolicy = "Always";
        sidecar.StartupProbe = ProbeTests.Exec("test", "-e", "/dev/shm/sidecar");
        pod.Spec.InitContainers = [sidecar];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.Phase == "Succeeded");

        Assert.Equal("here\n", run.Log(0));
        await run.UntilAsync(() => node.Paths.SandboxPid("default", "web-0") is null);
        await run.UntilAsync(() => run.Status.InitContainerStatuses[0].State.Terminated is { ExitCode: 0 });
    }

    [Fact]
    public async Task Hooks_run_after_the_start_and_before_the_end()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("trap 'cat /tmp/hooks; exit 0' TERM; while :; do sleep 1000 & wait; done");
        pod.Spec.TerminationGracePeriodSeconds = 30;
        pod.Spec.Containers[0].Lifecycle = new V1Lifecycle
        {
            PostStart = new V1LifecycleHandler { Exec = new V1ExecAction { Command = ["sh", "-c", "echo post >> /tmp/hooks"] } },
            PreStop = new V1LifecycleHandler { Exec = new V1ExecAction { Command = ["sh", "-c", "echo pre >> /tmp/hooks; sleep 0.3"] } },
        };
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        using var log = File.OpenText($"{pod.LogFolder(node.Paths)}/main/0.log");
        run.Delete(graceSeconds: 30);
        await run.UntilEndedAsync();
        Assert.Equal("post\npre\n", await log.ReadToEndAsync());
        Assert.DoesNotContain(run.Events, e => e.StartsWith("Failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_container_whose_postStart_hook_fails_is_killed()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000", "Never");
        pod.Spec.Containers[0].Lifecycle = new V1Lifecycle { PostStart = new V1LifecycleHandler { Exec = new V1ExecAction { Command = ["false"] } } };
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.Phase == "Failed");
        Assert.Equal(137, run.Main.State.Terminated.ExitCode);
        Assert.Contains(run.Events, e => e.StartsWith("FailedPostStartHook", StringComparison.Ordinal));
    }

    private static V1Container Shell(string name, string script) => new() { Name = name, Image = "sh", Command = ["sh", "-c", script] };

    private static string Initialized(TestPod run) => run.Status.Conditions.Single(c => c.Type == "Initialized").Status;
}
