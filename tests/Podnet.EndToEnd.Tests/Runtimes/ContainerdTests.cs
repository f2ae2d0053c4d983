using Podnet.Testing;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>containerd with the folders that it looks in by itself: by `ctr run --cni`, and by CRI as from a kubelet.</summary>
public sealed class ContainerdTests : IAsyncLifetime
{
    private const string Socket = "/run/containerd/containerd.sock";

    private const string Configuration = $"""
        version = 2

        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{OciArchive.Pause}"
          # Where the machine is a container without CAP_SYS_RESOURCE, nobody can lower a process's oom_score_adj.
          restrict_oom_score_adj = true
        """;

    private readonly RuntimeMachine _machine = new("containerd");
    private CriClient _cri = null!;

    public async ValueTask InitializeAsync()
    {
        _machine.Write("/etc/containerd/config.toml", Configuration);
        _machine.Write(CniConfig.Path, CniConfig.OfAgent);
        _machine.Write(CniConfig.PodNetworkPath, CniConfig.PodNetwork);
        OciArchive.WriteWeb(_machine.PathOf("/run/web.tar"));
        OciArchive.WritePause(_machine.PathOf("/run/pause.tar"));
        _machine.Start("/run/containerd.log", "containerd");
        Poll.Until(() => _machine.Try("ctr", "version").Succeeded, () => "containerd does not answer");
        foreach (var archive in new[] { "/run/web.tar", "/run/pause.tar" })
        {
            _machine.Run("ctr", "images", "import", archive);
            _machine.Run("ctr", "--namespace", "k8s.io", "images", "import", archive);
        }

        _cri = new CriClient(_machine.PathOf(Socket));
        foreach (var image in new[] { OciArchive.Web, OciArchive.Pause })
            await Poll.UntilAsync(() => _cri.HasImageAsync(image), () => $"CRI does not know of {image}");
    }

    public ValueTask DisposeAsync()
    {
        _cri?.Dispose();
        _machine.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Ctr_runs_containers_in_the_pod_network()
    {
        _machine.Run("ctr", "run", "--cni", "--detach", "--cgroup", $"{_machine.Cgroup}/web", OciArchive.Web, "web");
        Assert.Equal(["10.240.0.1", "fd00:1::1"], _machine.Reservations());
        Poll.Until(() => _machine.Try("curl", "-sS", "--max-time", "5", "http://10.240.0.1/").StandardOutput == "hello\n", () => "the container does not serve");
        Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", "http://[fd00:1::1]/"));
        // That it ends with 0, which Run demands, says that it was answered. Once ctr showed nothing of what it printed; why is not known.
        var output = "";
        Poll.Until(
            () => (output = _machine.Run(
                "ctr", ["run", "--cni", "--rm", "--cgroup", $"{_machine.Cgroup}/client", OciArchive.Web, "client", .. OciArchive.Get("http://10.240.0.1/")])).Length > 0,
            () => "the client prints nothing");
        Assert.Equal("hello\n", output);
        Assert.Equal(["10.240.0.1", "fd00:1::1"], _machine.Reservations()); // ctr asks for DEL without a namespace
    }

    [Fact]
    public async Task Pods_live_and_end_by_cri_with_our_pause_and_leave_nothing()
    {
        await Poll.UntilAsync(async () => await _cri.NotReadyAsync() == "", () => "runtime and network are not ready");
        var before = _machine.PodNetwork();
        var (a, b) = (new CriPod("web-0", _machine.Cgroup), new CriPod("web-1", _machine.Cgroup));
        var (sandboxA, sandboxB) = (await _cri.RunPodSandboxAsync(a), await _cri.RunPodSandboxAsync(b));
        var status = await _cri.PodSandboxStatusAsync(sandboxA);
        Assert.True(status.Ready);
        Assert.Equal(["10.240.0.1", "fd00:1::1"], status.Addresses);
        Assert.Contains("default/web-0", _machine.Run("ip", "link")); // CRI says whose it is by CNI_ARGS

        var webA = await StartAsync(sandboxA, a, "web");
        var webB = await StartAsync(sandboxB, b, "web");
        foreach (var address in (await _cri.PodSandboxStatusAsync(sandboxB)).Addresses)
            Assert.Equal((0, "hello\n"), await _cri.ExecSyncAsync(webA, OciArchive.Get(address.Contains(':') ? $"http://[{address}]/" : $"http://{address}/")));
        Assert.Equal((0, "hello\n"), await _cri.ExecSyncAsync(webB, OciArchive.Get("http://10.240.0.1/")));
        Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", "http://10.240.0.1/"));

        await EndAsync(sandboxA, sandboxB);
        Assert.Equal(before, _machine.PodNetwork());
    }

    [Fact]
    public async Task A_pod_gets_its_host_port_and_its_limit_and_no_other_pod_does()
    {
        var before = _machine.PodNetwork();
        var pod = new CriPod("web-0", _machine.Cgroup)
        {
            HostPort = 8080,
            Annotations = new Dictionary<string, string> { ["kubernetes.io/ingress-bandwidth"] = "10M" },
        };
        var sandbox = await _cri.RunPodSandboxAsync(pod);
        var other = await _cri.RunPodSandboxAsync(new CriPod("web-1", _machine.Cgroup));
        var web = await StartAsync(sandbox, pod, "web");
        foreach (var node in new[] { "192.0.2.1", "127.0.0.1", "[2001:db8::1]" })
            Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", $"http://{node}:8080/"));
        Assert.Equal((0, "hello\n"), await _cri.ExecSyncAsync(web, OciArchive.Get("http://192.0.2.1:8080/"))); // hairpin
        Assert.Single(_machine.Run("tc", "qdisc", "show").Split('\n'), line => line.Contains("qdisc tbf") && line.Contains("rate 10Mbit"));

        var rival = await Assert.ThrowsAsync<GrpcException>(() => _cri.RunPodSandboxAsync(pod with { Name = "rival" }));
        Assert.Contains("8080", rival.Message);
        Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", "http://192.0.2.1:8080/"));
        await EndAsync(sandbox, other);
        Assert.Equal(before, _machine.PodNetwork());
        Assert.Equal(7, _machine.Try("curl", "-sS", "--max-time", "5", "http://192.0.2.1:8080/").Status.Code); // curl(1): refused at once
    }

    [Fact]
    public async Task A_pod_that_the_plugin_refuses_says_why_and_leaves_nothing()
    {
        var before = _machine.PodNetwork();
        File.Delete(_machine.PathOf(CniConfig.PodNetworkPath)); // as before the agent knows of the node
        Assert.Contains("the node has no pod CIDRs yet", await RefusedAsync("early"));

        _machine.Write(CniConfig.PodNetworkPath, """{"podCIDRs":["10.241.0.0/30"]}""");
        var sandboxes = new List<string>();
        foreach (var name in new[] { "pod-0", "pod-1" })
            sandboxes.Add(await _cri.RunPodSandboxAsync(new CriPod(name, _machine.Cgroup)));
        Assert.Contains("no address is left in 10.241.0.0/30", await RefusedAsync("pod-2"));
        Assert.Equal(["10.241.0.1", "10.241.0.2"], _machine.Reservations());
        await EndAsync([.. sandboxes]);
        Assert.Equal(before, _machine.PodNetwork());
    }

    private async Task<string> RefusedAsync(string pod) =>
        (await Assert.ThrowsAsync<GrpcException>(() => _cri.RunPodSandboxAsync(new CriPod(pod, _machine.Cgroup)))).Message;

    private async Task<string> StartAsync(string sandbox, CriPod pod, string name)
    {
        var container = await _cri.CreateContainerAsync(sandbox, pod, name, OciArchive.Web);
        await _cri.StartContainerAsync(container);
        await Poll.UntilAsync(async () => (await _cri.ExecSyncAsync(container, OciArchive.Get("http://127.0.0.1/"))).ExitCode == 0, () => $"{name} of {pod.Name} does not serve");
        return container;
    }

    private async Task EndAsync(params string[] sandboxes)
    {
        foreach (var sandbox in sandboxes)
        {
            await _cri.StopPodSandboxAsync(sandbox);
            await _cri.StopPodSandboxAsync(sandbox); // a kubelet repeats it
            Assert.False((await _cri.PodSandboxStatusAsync(sandbox)).Ready);
            await _cri.RemovePodSandboxAsync(sandbox);
            await _cri.RemovePodSandboxAsync(sandbox);
        }
    }
}
