using k8s.Models;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>What is said of a container that has ended, and of a pod that ran too long.</summary>
public class PodEndTests
{
    [Fact]
    public async Task The_last_words_of_a_container_are_in_its_status()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("echo -n all is well > /dev/termination-log", "Never"));
        await run.UntilAsync(status => status.Phase == "Succeeded");
        Assert.Equal("all is well", run.Main.State.Terminated.Message);
    }

    [Theory]
    [InlineData("exit 3", "FallbackToLogsOnError", "not so well\n")]
    [InlineData("exit 3", "File", null)]
    [InlineData("exit 0", "FallbackToLogsOnError", null)]
    public async Task Where_it_leaves_none_and_fails_its_log_can_speak_for_it(string end, string policy, string? message)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script($"echo not so well; {end}", "Never");
        pod.Spec.Containers[0].TerminationMessagePolicy = policy;
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase is "Succeeded" or "Failed");
        Assert.Equal(message, run.Main.State.Terminated.Message);
    }

    [Theory]
    [InlineData("exec tail /dev/zero")]
    [InlineData("tail /dev/zero; exit $?")]
    public async Task A_container_that_takes_more_memory_than_its_limit_is_killed_and_that_is_said(string script)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script(script, "Never");
        pod.Spec.Containers[0].Resources = new V1ResourceRequirements { Limits = new Dictionary<string, ResourceQuantity> { ["memory"] = new("32Mi") } };
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase == "Failed");
        Assert.Equal(("OOMKilled", 137), (run.Main.State.Terminated.Reason, run.Main.State.Terminated.ExitCode));
    }

    [Fact]
    public void A_container_gets_the_share_and_no_more_than_the_limit_of_its_CPU()
    {
        var container = new V1Container
        {
            Resources = new V1ResourceRequirements
            {
                Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("250m") },
                Limits = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("500m"), ["memory"] = new("64Mi") },
            },
        };
        var resources = ContainerLimits.Of(container);
        Assert.Equal((new OciCpu(Shares: 256, Quota: 50_000, Period: 100_000), new OciMemory(64 << 20)), (resources.Cpu, resources.Memory));
        Assert.Equal((null, null), (ContainerLimits.Of(new V1Container()).Cpu, ContainerLimits.Of(new V1Container()).Memory));
    }

    [Fact]
    public async Task A_pod_that_runs_beyond_its_deadline_is_ended_and_has_failed()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("trap 'exit 0' TERM; while true; do sleep 0.05; done");
        pod.Spec.ActiveDeadlineSeconds = 1;
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase == "Failed");
        Assert.Equal(("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"), (run.Status.Reason, run.Status.Message));
        Assert.NotNull(run.Main.State.Terminated);
        Assert.Equal(0, run.Main.RestartCount);
    }

    [Fact]
    public async Task A_pod_that_runs_was_scheduled()
    {
        await using var node = new TestNode();
        var run = node.Run(TestNode.Script("exec sleep 1000"));
        await run.UntilRunningAsync();
        Assert.Equal("True", run.Status.Conditions.Single(c => c.Type == "PodScheduled").Status);
    }
}
