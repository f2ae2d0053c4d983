using System.Text.Json.Nodes;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>podman 4 with network_backend = "cni", as docs/cni.md configures it.</summary>
public sealed class PodmanTests : IDisposable
{
    private const string Configuration = """
        [network]
        network_backend = "cni"
        cni_plugin_dirs = ["/opt/cni/bin"]
        network_config_dir = "/etc/cni/net.d"
        default_network = "podnet"

        [engine]
        runtime = "runc"
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        """;

    private readonly RuntimeMachine _machine = new("podman");

    public PodmanTests()
    {
        _machine.Write("/etc/containers/containers.conf", Configuration);
        _machine.Write(CniConfig.Path, CniConfig.WithSubnets);
        OciArchive.WriteWeb(_machine.PathOf("/run/web.tar"));
        OciArchive.WritePause(_machine.PathOf("/run/pause.tar"));
        Podman("load", "--quiet", "--input", "/run/web.tar");
        Podman("load", "--quiet", "--input", "/run/pause.tar");
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Containers_run_and_reach_each_other_and_leave_nothing()
    {
        var before = _machine.PodNetwork();
        Start("web");
        Start("other", "--ip", "10.240.0.77", "--ip6", "fd00:1::77", "--mac-address", "0a:58:0a:f0:00:4d");
        var (web, other) = (Network("web"), Network("other"));
        Assert.Equal(("10.240.0.1", "fd00:1::1"), ((string)web["IPAddress"]!, (string)web["GlobalIPv6Address"]!));
        Assert.Equal(
            ("10.240.0.77", "fd00:1::77", "0a:58:0a:f0:00:4d"),
            ((string)other["IPAddress"]!, (string)other["GlobalIPv6Address"]!, (string)other["MacAddress"]!));
        foreach (var (from, to) in new[] { ("web", other), ("other", web) })
        {
            Assert.Equal("hello\n", Podman(["exec", from, .. OciArchive.Get($"http://{to["IPAddress"]}/")]));
            Assert.Equal("hello\n", Podman(["exec", from, .. OciArchive.Get($"http://[{to["GlobalIPv6Address"]}]/")]));
        }

        Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "10", $"http://{web["IPAddress"]}/"));
        Assert.Contains("default via 169.254.1.1 dev eth0", Podman("run", "--rm", "--cgroup-parent", _machine.Cgroup, OciArchive.Web, "ip", "route"));

        // An address that another one has: podman says what the plugin said, and the other one keeps it.
        var taken = _machine.Try("podman", "run", "--rm", "--ip", "10.240.0.77", "--cgroup-parent", _machine.Cgroup, OciArchive.Web);
        Assert.False(taken.Succeeded);
        Assert.Contains("10.240.0.77 of 10.240.0.0/24 is taken", taken.StandardError);

        Podman("restart", "--time", "0", "web");
        Assert.Equal("hello\n", Podman(["exec", "other", .. OciArchive.Get($"http://{Network("web")["IPAddress"]}/")]));
        Podman("rm", "--force", "--time", "0", "web", "other");
        Assert.Equal(before, _machine.PodNetwork());
    }

    [Fact]
    public void Published_ports_lead_to_their_container_until_it_is_removed()
    {
        var before = _machine.PodNetwork();
        Start("web", "--publish", "8080:80", "--publish", "127.0.0.1:8081:80");
        Start("other");
        foreach (var url in new[] { "http://192.0.2.1:8080/", "http://[2001:db8::1]:8080/", "http://127.0.0.1:8080/", "http://127.0.0.1:8081/" })
            Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", url));
        foreach (var client in new[] { "other", "web" })
            Assert.Equal("hello\n", Podman(["exec", client, .. OciArchive.Get("http://192.0.2.1:8080/")]));
        Assert.False(_machine.Try("curl", "-sS", "--max-time", "5", "http://192.0.2.1:8081/").Succeeded);

        Podman("restart", "--time", "0", "web"); // it has another address then
        WaitFor("web");
        Assert.Equal("hello\n", _machine.Run("curl", "-sS", "--max-time", "5", "http://192.0.2.1:8080/"));

        Podman("rm", "--force", "--time", "0", "web");
        Assert.Equal(7, _machine.Try("curl", "-sS", "--max-time", "5", "http://192.0.2.1:8080/").Status.Code); // curl(1): refused at once
        Podman("rm", "--force", "--time", "0", "other");
        Assert.Equal(before, _machine.PodNetwork());
    }

    [Fact]
    public void Containers_of_a_podman_pod_share_the_network_that_pause_holds()
    {
        var before = _machine.PodNetwork();
        Podman("pod", "create", "--name", "pod", "--infra-image", OciArchive.Pause, "--infra-command", "/pause", "--cgroup-parent", _machine.Cgroup);
        Podman("run", "--detach", "--pod", "pod", "--name", "in-pod", OciArchive.Web);
        WaitFor("in-pod");
        Assert.Equal("hello\n", Podman(["run", "--rm", "--pod", "pod", OciArchive.Web, .. OciArchive.Get("http://127.0.0.1/")]));
        Assert.Equal(["10.240.0.1", "fd00:1::1"], _machine.Reservations());
        Podman("pod", "rm", "--force", "--time", "0", "pod");
        Assert.Equal(before, _machine.PodNetwork());
    }

    /// <summary>Runs the image's web server and waits until it answers.</summary>
    private void Start(string name, params string[] options)
    {
        Podman(["run", "--detach", "--name", name, "--cgroup-parent", _machine.Cgroup, .. options, OciArchive.Web]);
        WaitFor(name);
    }

    private void WaitFor(string name) =>
        Poll.Until(() => _machine.Try("podman", ["exec", name, .. OciArchive.Get("http://127.0.0.1/")]).Succeeded, () => $"{name} does not serve");

    private JsonNode Network(string container) =>
        JsonNode.Parse(Podman("inspect", container))![0]!["NetworkSettings"]!["Networks"]!["podnet"]!;

    private string Podman(params string[] arguments) => _machine.Run("podman", arguments);
}
