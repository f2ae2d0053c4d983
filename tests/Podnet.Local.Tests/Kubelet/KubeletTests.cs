extern alias full;

using System.Security.Cryptography.X509Certificates;
using full::k8s;
using full::k8s.Autorest;
using Podnet.Kubernetes;
using Podnet.Linux;
using Podnet.Local.Tests.ApiServer;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>A kubelet and the real API server: what is bound to its node runs, and what runs is told.</summary>
public sealed class KubeletTests : IAsyncLifetime
{
    private RunningKubelet _running = null!;

    private TestNode Machine => _running.Machine;
    private RunningServer Server => _running.Server;
    private ApiClient Client => _running.Client;

    public async ValueTask InitializeAsync() => _running = await RunningKubelet.StartAsync();

    public ValueTask DisposeAsync() => _running.DisposeAsync();

    [Fact]
    public async Task A_pod_that_is_bound_runs_is_shown_as_it_is_and_is_gone_after_its_deletion()
    {
        var pod = await _running.CreateAsync(TestNode.Script("exec sleep 1000"));
        var running = await _running.UntilAsync("the pod is ready", async () =>
            await _running.GetAsync() is { Status.Conditions: { } conditions } now && conditions.Any(c => c is { Type: "Ready", Status: "True" }) ? now : null);

        Assert.Equal(("Running", "10.99.0.2"), (running.Status.Phase, running.Status.HostIP));
        Assert.Equal(running.Status.PodIP, Assert.Single(running.Status.PodIPs).Ip);
        var container = Assert.Single(running.Status.ContainerStatuses);
        Assert.StartsWith("runc://", container.ContainerID);
        Assert.NotNull(container.State.Running.StartedAt);
        Assert.NotNull(Machine.Paths.SandboxPid("default", "web-0"));
        await _running.UntilAsync("its events are told", async () =>
            (await Client.ListAsync(Resources.Events, "default", null, default)).Select(e => e.Reason).Order()
                .SequenceEqual(["Created", "Pulled", "Started"]) ? pod : null);

        await Client.DeleteAsync(Resources.Pods, "default", "web-0", 1, default);
        await _running.UntilAsync("the pod is gone", async () => await _running.GetAsync() is null ? pod : null);
        Assert.Empty(Directory.GetFileSystemEntries(Machine.Runtime.Folder));
    }

    [Fact]
    public async Task A_pod_that_is_deleted_by_force_ends_as_well_and_a_new_one_of_its_name_runs()
    {
        var first = await _running.CreateAsync(TestNode.Script("exec sleep 1000"));
        await _running.UntilAsync("the pod runs", async () => await _running.GetAsync() is { Status.Phase: "Running" } now ? now : null);
        await Client.DeleteAsync(Resources.Pods, "default", "web-0", 0, default);
        var second = await _running.CreateAsync(TestNode.Script("exec sleep 1000"));

        await _running.UntilAsync("the new one runs", async () => await _running.GetAsync() is { Status.Phase: "Running" } now ? now : null);
        await _running.UntilAsync("the old one is gone", () =>
            Task.FromResult(Directory.GetFileSystemEntries(Machine.Runtime.Folder).Length == 2 ? first : null));
        Assert.Equal(second.Metadata.Uid, (await _running.GetAsync())!.Metadata.Uid);
        Assert.NotNull(Machine.Paths.SandboxPid("default", "web-0"));
    }

    [Fact]
    public async Task A_pod_that_nobody_can_run_says_why()
    {
        var pod = TestNode.Script("");
        pod.Spec.Containers[0].Image = "127.0.0.1:1/no-such-image:1";
        await _running.CreateAsync(pod);

        var waiting = await _running.UntilAsync("it says so", async () =>
            await _running.GetAsync() is { Status.ContainerStatuses: [{ State.Waiting.Reason: "ErrImagePull" or "ImagePullBackOff" }] } now ? now : null);
        Assert.Contains("connection refused", waiting.Status.ContainerStatuses[0].State.Waiting.Message);
        Assert.Equal("Pending", waiting.Status.Phase);
    }

    [Fact]
    public async Task The_node_is_ready_and_shows_its_addresses_and_its_kernel()
    {
        var node = await _running.UntilAsync("the node is told", async () =>
            await Client.GetAsync(Resources.Nodes, null, TestNode.Name, default) is { Status.NodeInfo: not null } now ? now : null);

        Assert.Equal("True", node.Status.Conditions.Single(c => c.Type == "Ready").Status);
        Assert.Contains(node.Status.Addresses, a => a is { Type: "InternalIP", Address: "10.99.0.2" });
        Assert.Equal((await File.ReadAllTextAsync("/proc/sys/kernel/osrelease")).Trim(), node.Status.NodeInfo.KernelVersion);
        Assert.StartsWith("podnet-", node.Status.NodeInfo.KubeletVersion);
        Assert.Equal("110", node.Status.Capacity["pods"].ToString());
    }

    [Fact]
    public async Task Kubectl_shows_what_a_container_prints_and_printed_before_it_died()
    {
        var pod = TestNode.Script("if [ -e /dev/shm/again ]; then echo two; exec sleep 1000; else touch /dev/shm/again; echo one; fi");
        await _running.CreateAsync(pod);
        await _running.UntilAsync("it runs again", async () =>
            await _running.GetAsync() is { Status.ContainerStatuses: [{ RestartCount: 1, State.Running: not null }] } now ? now : null);
        await _running.UntilAsync("it has printed", () => Task.FromResult(Server.Kubectl("logs", "web-0").StandardOutput == "two\n" ? pod : null));

        Assert.Equal("one\n", Server.KubectlText("logs", "web-0", "--previous"));
        Assert.Equal("two\n", Server.KubectlText("logs", "pod/web-0", "-c", "main", "--tail", "1", "--since", "1h"));
        Assert.Matches(@"^\d{4}-.*Z two\n$", Server.KubectlText("logs", "web-0", "--timestamps"));
        Assert.Equal("error: container nobody is not valid for pod web-0\n", Server.Kubectl("logs", "web-0", "-c", "nobody").StandardError);

        var following = Task.Run(() => Server.Kubectl("logs", "web-0", "-f"));
        await Client.DeleteAsync(Resources.Pods, "default", "web-0", 1, default);
        Assert.Equal("two\n", (await following).StandardOutput);
    }

    [Fact]
    public async Task The_CSharp_client_is_let_in_by_what_a_container_is_given()
    {
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.AutomountServiceAccountToken = null;
        await _running.CreateAsync(pod);
        await _running.UntilRunningAsync();
        string Given(string file) => _running.Kubectl(old: false, "", "exec", "web-0", "--", "cat", $"/var/run/secrets/kubernetes.io/serviceaccount/{file}").StandardOutput;
        // As KubernetesClientConfiguration.InClusterConfig reads them, which only a container can ask.
        using var client = new full::k8s.Kubernetes(new KubernetesClientConfiguration
        {
            Host = $"https://127.0.0.1:{Server.Port}",
            AccessToken = Given("token"),
            SslCaCerts = [X509Certificate2.CreateFromPem(Given("ca.crt"))],
            Namespace = Given("namespace"),
        });
        Assert.Equal("web-0", Assert.Single((await client.CoreV1.ListNamespacedPodAsync(Given("namespace"))).Items).Metadata.Name);

        await Client.DeleteAsync(Resources.Pods, "default", "web-0", 1, default);
        await _running.UntilAsync("the pod is gone", async () => await _running.GetAsync() is null ? pod : null);
        var refused = await Assert.ThrowsAsync<HttpOperationException>(() => client.CoreV1.ListNamespacedPodAsync("default"));
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, refused.Response.StatusCode);
    }

    /// <summary>Today's kubectl speaks WebSocket, an old one SPDY.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_runs_programs_in_a_container_with_input_output_and_exit_code(bool old)
    {
        await _running.CreateAsync(TestNode.Script("exec sleep 1000"));
        await _running.UntilAsync("it runs", async () => await _running.GetAsync() is { Status.ContainerStatuses: [{ State.Running: not null }] } now ? now : null);

        var result = _running.Kubectl(old, "from outside\n", "exec", "-i", "web-0", "--", "sh", "-c", "cat; hostname; echo wrong >&2; exit 7");
        Assert.Equal("from outside\nweb-0\n", result.StandardOutput);
        Assert.Contains("wrong\n", result.StandardError);
        Assert.Contains("command terminated with exit code 7\n", result.StandardError);
        Assert.Equal(7, result.Status.Code);

        var large = _running.Kubectl(old, "", "exec", "web-0", "--", "seq", "200000").StandardOutput;
        Assert.EndsWith("\n199999\n200000\n", large);
        Assert.Equal(1288895, large.Length);

        var missing = _running.Kubectl(old, "", "exec", "web-0", "--", "no-such-program");
        Assert.Contains("executable file not found in $PATH", missing.StandardError);
        Assert.NotEqual(0, missing.Status.Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_gives_a_program_a_terminal_of_its_own_size(bool old)
    {
        await _running.CreateAsync(TestNode.Script("exec sleep 1000"));
        await _running.UntilAsync("it runs", async () => await _running.GetAsync() is { Status.ContainerStatuses: [{ State.Running: not null }] } now ? now : null);

        // script(1) gives kubectl a terminal.
        var line = $"stty cols 91 rows 33; {RunningKubelet.Program(old)} --kubeconfig {Server.Kubeconfig} exec -it web-0 -- sh -c 'until [ \"$(stty size)\" = \"33 91\" ]; do sleep 0.05; done; tty; stty size; exit 3'";
        var result = ChildProcess.Run(new ProcessStart("script", ["-qec", line, "/dev/null"]), default, RunningKubelet.Deadline);
        Assert.Contains("/dev/pts/0\r\n33 91\r\n", result.StandardOutput);
        Assert.Equal(3, result.Status.Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kubectl_forwards_a_port_to_what_listens_on_the_pods_loopback(bool old)
    {
        await _running.CreateAsync(TestNode.Script("echo 'events {} http { server { listen 127.0.0.1:8080; location / { return 200 hello; } } }' > /tmp/c; exec nginx -c /tmp/c -g 'daemon off;'"));
        await _running.UntilAsync("nginx listens", () => Task.FromResult(_running.Kubectl(old, "", "exec", "web-0", "--", "sh", "-c", "test -s /run/nginx.pid").Succeeded ? Server : null));
        using var output = Pipe.Create();
        var kubectl = ChildProcess.Start(new ProcessStart(RunningKubelet.Program(old), ["--kubeconfig", Server.Kubeconfig, "port-forward", "web-0", ":8080"]) { StandardOutput = output.Write });
        try
        {
            using var lines = new StreamReader(output.OpenRead());
            var address = (await lines.ReadLineAsync().WaitAsync(RunningKubelet.Deadline))!.Split(' ')[2]; // "Forwarding from 127.0.0.1:41235 -> 8080"
            using var http = new HttpClient();
            for (var i = 0; i < 3; i++)
                Assert.Equal("hello", await http.GetStringAsync($"http://{address}/"));
        }
        finally
        {
            kubectl.Kill(Signals.Kill);
            await kubectl.Exited;
        }
    }
}
