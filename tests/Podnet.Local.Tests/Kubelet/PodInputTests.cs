using k8s.Models;
using Podnet.Linux;
using Podnet.Local.Kubelet;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>What a container gets from outside: its environment and its volumes.</summary>
public class PodInputTests
{
    [Fact]
    public async Task The_environment_has_the_pods_own_fields_ConfigMaps_Secrets_and_Services()
    {
        await using var node = new TestNode();
        node.Objects.ConfigMaps["settings"] = new() { ["COLOUR"] = "blue", ["SIZE"] = "small" };
        node.Objects.Secrets["keys"] = new() { ["password"] = "s3cret"u8.ToArray() };
        node.Objects.Services.Add(new V1Service
        {
            Metadata = new V1ObjectMeta { Name = "my-web" },
            Spec = new V1ServiceSpec { ClusterIP = "10.0.33.45", Ports = [new V1ServicePort { Name = "http", Port = 80, Protocol = "TCP" }] },
        });
        var pod = TestNode.Script("env | sort", "Never");
        pod.Metadata.Labels = new Dictionary<string, string> { ["app"] = "web" };
        var container = pod.Spec.Containers[0];
        container.Resources = new V1ResourceRequirements { Limits = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("1500m"), ["memory"] = new("64Mi") } };
        container.EnvFrom = [new V1EnvFromSource { Prefix = "CFG_", ConfigMapRef = new V1ConfigMapEnvSource { Name = "settings" } }];
        container.Env =
        [
            new V1EnvVar { Name = "POD", ValueFrom = Field("metadata.name") },
            new V1EnvVar { Name = "IP", ValueFrom = Field("status.podIP") },
            new V1EnvVar { Name = "HOST", ValueFrom = Field("status.hostIP") },
            new V1EnvVar { Name = "APP", ValueFrom = Field("metadata.labels['app']") },
            new V1EnvVar { Name = "CPU", ValueFrom = new V1EnvVarSource { ResourceFieldRef = new V1ResourceFieldSelector { Resource = "limits.cpu" } } },
            new V1EnvVar { Name = "MEM", ValueFrom = new V1EnvVarSource { ResourceFieldRef = new V1ResourceFieldSelector { Resource = "limits.memory", Divisor = new("1Mi") } } },
            new V1EnvVar { Name = "PASSWORD", ValueFrom = new V1EnvVarSource { SecretKeyRef = new V1SecretKeySelector { Name = "keys", Key = "password" } } },
            new V1EnvVar { Name = "NOTHING", ValueFrom = new V1EnvVarSource { SecretKeyRef = new V1SecretKeySelector { Name = "none", Key = "x", Optional = true } } },
            new V1EnvVar { Name = "URL", Value = "http://$(MY_WEB_SERVICE_HOST):$(MY_WEB_SERVICE_PORT)/$(CFG_COLOUR)$(UNKNOWN)" },
        ];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.Phase == "Succeeded");

        var lines = run.Log(0).Split('\n');
        foreach (var expected in new[]
        {
            "POD=web-0", $"IP={run.Status.PodIP ?? "10.240.0.1"}", "HOST=10.99.0.2", "APP=web", "CPU=2", "MEM=64", "PASSWORD=s3cret", "CFG_COLOUR=blue", "CFG_SIZE=small",
            "URL=http://10.0.33.45:80/blue$(UNKNOWN)", "MY_WEB_SERVICE_PORT_HTTP=80", "MY_WEB_PORT=tcp://10.0.33.45:80", "MY_WEB_PORT_80_TCP_ADDR=10.0.33.45",
        })
            Assert.Contains(expected, lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("NOTHING=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_is_in_its_volume_and_replaced_before_it_ends()
    {
        await using var node = new TestNode();
        node.Objects.TokenLifetime = TimeSpan.FromSeconds(1);
        var pod = TestNode.Script("cat /tokens/vault; until cat /tokens/vault | grep -q ^2; do sleep 0.1; done; cat /tokens/vault; exec sleep 1000");
        pod.Spec.ServiceAccountName = "robot";
        var token = new V1ServiceAccountTokenProjection { Path = "vault", Audience = "vault", ExpirationSeconds = 900 };
        pod.Spec.Volumes = [new V1Volume { Name = "tokens", Projected = new V1ProjectedVolumeSource { Sources = [new V1VolumeProjection { ServiceAccountToken = token }] } }];
        pod.Spec.Containers[0].VolumeMounts = [new V1VolumeMount { Name = "tokens", MountPath = "/tokens" }];
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0) == "1-robot-vault-9002-robot-vault-900");
    }

    [Fact]
    public async Task A_token_that_is_good_for_long_is_asked_for_once()
    {
        var objects = new TestObjects();
        var tokens = new PodTokens(objects);
        var (pod, token) = (TestNode.Script("true"), new V1ServiceAccountTokenProjection { Path = "token" });
        Assert.Equal(await tokens.GetAsync(pod, token), await tokens.GetAsync(pod, token));
        await tokens.GetAsync(pod, new V1ServiceAccountTokenProjection { Path = "other", Audience = "vault" });
        Assert.Equal(2, objects.TokensGiven);
    }

    [Fact]
    public async Task A_ConfigMap_that_is_missing_is_waited_for()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("echo $COLOUR; exec sleep 1000");
        pod.Spec.Containers[0].EnvFrom = [new V1EnvFromSource { ConfigMapRef = new V1ConfigMapEnvSource { Name = "settings" } }];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.ContainerStatuses is [{ State.Waiting.Reason: "CreateContainerConfigError" }]);
        Assert.Equal("configmap \"settings\" not found", run.Main.State.Waiting.Message);

        node.Objects.ConfigMaps["settings"] = new() { ["COLOUR"] = "blue" };
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0) == "blue\n");
    }

    [Fact]
    public async Task ConfigMap_and_Secret_volumes_have_their_files_and_follow_changes_all_at_once()
    {
        await using var node = new TestNode();
        node.Objects.ConfigMaps["settings"] = new() { ["a.conf"] = "one", ["b.conf"] = "bee" };
        node.Objects.Secrets["keys"] = new() { ["key"] = "s3cret"u8.ToArray() };
        var pod = TestNode.Script("cat /config/a.conf /config/sub/b /keys/key /single; stat -Lc ' %a' /keys/key; ls /config; touch /config/x 2>/dev/null && echo written; exec sleep 1000");
        pod.Spec.Volumes =
        [
            new V1Volume { Name = "config", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings", Items = [new V1KeyToPath { Key = "a.conf", Path = "a.conf" }, new V1KeyToPath { Key = "b.conf", Path = "sub/b" }] } },
            new V1Volume { Name = "all", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings" } },
            new V1Volume { Name = "keys", Secret = new V1SecretVolumeSource { SecretName = "keys", DefaultMode = 0x100 /* 0400 */ } },
        ];
        pod.Spec.Containers[0].VolumeMounts =
        [
            new V1VolumeMount { Name = "config", MountPath = "/config" }, new V1VolumeMount { Name = "keys", MountPath = "/keys" },
            new V1VolumeMount { Name = "all", MountPath = "/single", SubPath = "b.conf" },
        ];
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0) == "onebees3cretbee 400\na.conf\nsub\n");

        node.Objects.ConfigMaps["settings"] = new() { ["a.conf"] = "two", ["b.conf"] = "bee" };
        await run.UntilAsync(() => File.ReadAllText($"/proc/{run.MainPid}/root/config/a.conf") == "two");
        Assert.StartsWith("..data/", new FileInfo($"/proc/{run.MainPid}/root/config/a.conf").LinkTarget);

        run.Delete(graceSeconds: 1);
        await run.UntilEndedAsync();
        Assert.Empty(Directory.GetFileSystemEntries(node.Runtime.Folder));
    }

    [Fact]
    public async Task An_emptyDir_is_shared_by_the_pods_containers_outlives_them_and_has_its_limit()
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("cat /data/* 2>/dev/null; echo more >> /data/file; head -c 2M /dev/zero > /data/big 2>/dev/null || echo full; rm /data/big; exit 1");
        pod.Spec.SecurityContext = new V1PodSecurityContext { RunAsUser = 1000, FsGroup = 2000 };
        pod.Spec.Volumes = [new V1Volume { Name = "data", EmptyDir = new V1EmptyDirVolumeSource { Medium = "Memory", SizeLimit = new("1Mi") } }];
        pod.Spec.Containers[0].VolumeMounts = [new V1VolumeMount { Name = "data", MountPath = "/data" }];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.ContainerStatuses is [{ RestartCount: 1, State.Waiting: not null }]);

        Assert.Equal("full\n", run.Log(0));
        Assert.Equal("more\nfull\n", run.Log(1));
    }

    [Fact]
    public void A_subPath_never_leads_out_of_its_volume()
    {
        var folder = Directory.CreateTempSubdirectory("podnet-beneath-").FullName;
        try
        {
            File.CreateSymbolicLink($"{folder}/out", "/etc");
            File.CreateSymbolicLink($"{folder}/up", "../..");
            foreach (var path in new[] { "out", "out/passwd", "up", "up/etc" })
                Assert.Equal(Errno.CrossDevice, Assert.Throws<KernelException>(() => FileHandle.OpenBeneath(folder, path)).Errno);
            using var made = FileHandle.OpenBeneath(folder, "new/one");
            Assert.True(Directory.Exists($"{folder}/new/one"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("/absolute")]
    [InlineData("../up")]
    [InlineData("a/../../b")]
    [InlineData("..data")]
    public async Task A_volume_has_no_file_outside_itself(string path)
    {
        await using var node = new TestNode();
        node.Objects.ConfigMaps["settings"] = new() { ["a"] = "one" };
        var pod = TestNode.Script("exec sleep 1000");
        pod.Spec.Volumes = [new V1Volume { Name = "config", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings", Items = [new V1KeyToPath { Key = "a", Path = path }] } }];
        pod.Spec.Containers[0].VolumeMounts = [new V1VolumeMount { Name = "config", MountPath = "/config" }];
        var run = node.Run(pod);
        await run.UntilAsync(() => run.Status.ContainerStatuses is [{ State.Waiting.Reason: "CreateContainerConfigError" }]);
        Assert.Contains("cannot have a file at", run.Main.State.Waiting.Message);
    }

    private static V1EnvVarSource Field(string path) => new() { FieldRef = new V1ObjectFieldSelector { FieldPath = path } };
}
