using k8s.Models;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

public class ProbeTests
{
    [Theory]
    [InlineData("ok", false)]
    [InlineData("ok,ok", true)]
    [InlineData("ok,no,ok", false)]
    [InlineData("ok,ok,no,no", true)]
    [InlineData("ok,ok,no,no,no", false)]
    [InlineData("ok,ok,no,no,ok,no", true)]
    public void Only_runs_in_a_row_decide(string runs, bool expected)
    {
        var count = new ProbeCount(new V1Probe { SuccessThreshold = 2, FailureThreshold = 3 }, initially: false);
        foreach (var run in runs.Split(','))
            count.Add(run == "ok");
        Assert.Equal(expected, count.Result);
    }

    [Fact]
    public async Task A_pod_is_ready_when_its_readiness_probe_says_so_and_no_longer_when_not()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.Containers[0].ReadinessProbe = Exec("test", "-e", "/tmp/ready");
        pod.Spec.Containers[0].ReadinessProbe.FailureThreshold = 1;
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Events.Any(e => e.StartsWith("Unhealthy: Readiness probe failed", StringComparison.Ordinal)));
        Assert.Equal(("Running", "False", false), (run.Status.Phase, Ready(run), run.Main.Ready));

        await File.WriteAllTextAsync($"/proc/{run.MainPid}/root/tmp/ready", "");
        await run.UntilAsync(() => Ready(run) == "True");
        File.Delete($"/proc/{run.MainPid}/root/tmp/ready");
        await run.UntilAsync(() => Ready(run) == "False");
        Assert.Equal(0, run.Main.RestartCount);
    }

    [Fact]
    public async Task A_container_whose_liveness_probe_fails_is_ended_politely_and_started_again()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("trap 'exit 9' TERM; [ -e /etc/first ] || touch /dev/shm/x; while :; do sleep 1000 & wait; done");
        pod.Spec.Containers[0].LivenessProbe = Exec("sh", "-c", "echo no good; exit 1");
        pod.Spec.Containers[0].LivenessProbe.FailureThreshold = 2;
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.ContainerStatuses is [{ RestartCount: > 0, LastState.Terminated: not null }]);

        Assert.Equal(9, run.Main.LastState.Terminated.ExitCode);
        Assert.Contains("Unhealthy: Liveness probe failed: no good\n", run.Events);
        Assert.Contains("Killing: Container main failed liveness probe, will be restarted", run.Events);
    }

    [Fact]
    public async Task Other_probes_wait_for_the_startup_probe()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        var container = pod.Spec.Containers[0];
        container.StartupProbe = Exec("test", "-e", "/tmp/started");
        container.StartupProbe.FailureThreshold = 1000;
        container.LivenessProbe = Exec("sh", "-c", "test -e /tmp/started || touch /tmp/too-early; test ! -e /tmp/too-early");
        container.LivenessProbe.FailureThreshold = 1;
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Events.Count(e => e.StartsWith("Unhealthy: Startup", StringComparison.Ordinal)) > 1);
        Assert.False(run.Main.Started);

        await File.WriteAllTextAsync($"/proc/{run.MainPid}/root/tmp/started", "");
        await run.UntilAsync(() => Ready(run) == "True");
        Assert.True(run.Main.Started);
        Assert.False(File.Exists($"/proc/{run.MainPid}/root/tmp/too-early"));
    }

    [Theory]
    [InlineData(200, true)]
    [InlineData(302, true)]
    [InlineData(404, false)]
    public async Task An_HTTP_answer_below_400_is_well_and_a_port_can_be_named(int code, bool succeeds)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script(Nginx(8080, $"location /healthz {{ return {code} http://elsewhere.example/; }}"));
        pod.Spec.HostNetwork = true;
        pod.Spec.Containers[0].Ports = [new V1ContainerPort { Name = "web", ContainerPort = 8080 }];
        pod.Spec.Containers[0].ReadinessProbe = new V1Probe
        {
            HttpGet = new V1HTTPGetAction { Port = "web", Path = "/healthz", Host = "127.0.0.1" },
            PeriodSeconds = 1,
            TimeoutSeconds = 5,
        };
        node.LoopbackUp();
        var run = node.Run(pod);
        if (succeeds)
            await run.UntilAsync(() => Ready(run) == "True");
        else
            await run.UntilAsync(() => run.Events.Contains("Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404"));
    }

    [Fact]
    public async Task A_port_that_nobody_listens_to_is_not_well_and_one_that_somebody_does_is()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("until [ -e /tmp/go ]; do sleep 0.05; done; " + Nginx(9090, ""));
        pod.Spec.HostNetwork = true;
        pod.Spec.Containers[0].ReadinessProbe = new V1Probe { TcpSocket = new V1TCPSocketAction { Port = 9090, Host = "127.0.0.1" }, PeriodSeconds = 1 };
        node.LoopbackUp();
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Events.Any(e => e.EndsWith("dial tcp 127.0.0.1:9090: Connection refused", StringComparison.Ordinal)));

        await File.WriteAllTextAsync($"/proc/{run.MainPid}/root/tmp/go", "");
        await run.UntilAsync(() => Ready(run) == "True");
    }

    [Fact]
    public async Task A_probe_that_hangs_fails_when_its_time_is_over()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.Containers[0].ReadinessProbe = Exec("sleep", "999");
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Events.Contains("Unhealthy: Readiness probe failed: command timed out: \"sleep 999\" timed out after 1s"));
    }

    private static string Nginx(int port, string location) =>
        $"echo 'events {{}} http {{ server {{ listen {port}; {location} }} }}' > /tmp/conf; exec nginx -c /tmp/conf -g 'daemon off;'";

    internal static V1Probe Exec(params string[] command) => new() { Exec = new V1ExecAction { Command = command }, PeriodSeconds = 1, TimeoutSeconds = 1 };

    private static string Ready(TestPod run) => run.Status.Conditions?.SingleOrDefault(c => c.Type == "Ready")?.Status ?? "";
}
