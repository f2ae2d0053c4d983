using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Podnet.Local.Images;
using Podnet.Local.Kubelet;
using Podnet.Testing;

namespace Podnet.Local.Tests.Kubelet;

/// <summary>Containers from OCI images: loaded ones, and what Debian's docker-registry has, fetched by skopeo.</summary>
public sealed class ImageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-images-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_container_runs_what_its_image_says()
    {
        await using var node = new TestNode();
        var image = Load(node, "web:1", """{"Entrypoint":["sh","-c"],"Cmd":["echo $GREETING; pwd; id; echo $PATH; ls /; touch /new; exec sleep 1000"],"Env":["GREETING=from the image","PATH=/bin"],"WorkingDir":"srv/app","User":"web"}""");
        var pod = TestNode.Script("");
        pod.Spec.Containers = [new V1Container { Name = "main", Image = "web:1", ImagePullPolicy = "Always" }];
        var run = node.Run(pod);
        await run.UntilRunningAsync();
        await run.UntilAsync(() => run.Log(0).Contains("srv", StringComparison.Ordinal));

        Assert.Equal(
            "from the image\n/srv/app\nuid=1000(web) gid=1001(web) groups=27(admins)\n/bin\n", run.Log(0)[..run.Log(0).IndexOf("bin\ndev", StringComparison.Ordinal)]);
        Assert.Equal(image.ContentName, run.Main.ImageID);
        Assert.StartsWith("docker.io/library/web@sha256:", run.Main.ImageID);
        Assert.Equal(["Pulled", "Created", "Started"], run.Events.Select(e => e.Split(':')[0]));
        Assert.Contains($"Pulled: Container image \"web:1\" already present on machine: {image.ContentName} of the image store", run.Events);
    }

    [Fact]
    public async Task What_the_pod_says_wins_and_what_it_does_not_say_is_the_images()
    {
        await using var node = new TestNode();
        Load(node, "web:1", """{"Entrypoint":["false"],"Cmd":["no"],"Env":["A=image","B=image"],"WorkingDir":"/srv","User":"web"}""");
        var pod = TestNode.Script("");
        pod.Spec.SecurityContext = new V1PodSecurityContext { SupplementalGroups = [5] };
        pod.Spec.Containers =
        [
            new V1Container
            {
                Name = "main",
                Image = "web:1",
                Command = ["/bin/sh", "-c"],
                Args = ["echo $A $B $(A) $(B); pwd; id; echo > /file || echo read only"],
                WorkingDir = "/",
                Env = [new V1EnvVar { Name = "A", Value = "pod" }],
                SecurityContext = new V1SecurityContext { RunAsUser = 2000, RunAsGroup = 3000, ReadOnlyRootFilesystem = true },
            },
        ];
        pod.Spec.RestartPolicy = "Never";
        var run = node.Run(pod);
        await run.UntilAsync(status => status.Phase == "Succeeded");
        // As Kubernetes has it: $(B) is no variable of the pod's.
        Assert.Contains("pod image pod", run.Log(0));
        Assert.Contains("/\nuid=2000 gid=3000 groups=5\n", run.Log(0));
        Assert.EndsWith("read only\n", run.Log(0));
    }

    [Theory]
    [InlineData("", null, "container has runAsNonRoot and image will run as root")]
    [InlineData("0:5", null, "container has runAsNonRoot and image will run as root")]
    [InlineData("web", null, "container has runAsNonRoot and image has non-numeric user (web)")]
    [InlineData("web", 0L, "container's runAsUser breaks non-root policy")]
    [InlineData("nobody", 7L, null)]
    [InlineData("1000", null, null)]
    public async Task A_container_that_must_not_be_root_is_not(string user, long? wanted, string? fault)
    {
        await using var node = new TestNode();
        Load(node, "web:1", new JsonObject { ["Cmd"] = new JsonArray("/bin/sh", "-c", "exec sleep 1000"), ["User"] = user }.ToJsonString());
        var pod = TestNode.Script("");
        pod.Spec.Containers = [new V1Container { Name = "main", Image = "web:1", SecurityContext = new V1SecurityContext { RunAsNonRoot = true, RunAsUser = wanted } }];
        var run = node.Run(pod);
        if (fault is null)
            await run.UntilRunningAsync();
        else
            await run.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting is { Reason: "CreateContainerConfigError" } waiting && waiting.Message.StartsWith(fault, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("No Such Thing", "Always", "InvalidImageName", "InspectFailed: Failed to apply default image tag \"No Such Thing\": couldn't parse image name")]
    [InlineData("example.org/no-such-thing:1", "Never", "ErrImageNeverPull", "ErrImageNeverPull: Container image \"example.org/no-such-thing:1\" is not present with pull policy of Never")]
    [InlineData("127.0.0.1:1/no-such-thing:1", "IfNotPresent", "ErrImagePull", "Failed: Failed to pull image \"127.0.0.1:1/no-such-thing:1\": ")]
    public async Task A_container_without_an_image_waits_and_says_why(string image, string policy, string reason, string news)
    {
        await using var node = new TestNode();
        var pod = TestNode.Script("");
        (pod.Spec.Containers[0].Image, pod.Spec.Containers[0].ImagePullPolicy) = (image, policy);
        var run = node.Run(pod);
        await run.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting?.Reason == reason);
        await run.UntilAsync(() => run.Events.Contains($"Failed: Error: {reason}"));
        Assert.Contains(run.Events, e => e.StartsWith(news, StringComparison.Ordinal));
        Assert.Equal("Pending", run.Status.Phase);
        if (reason == "ErrImagePull")
        {
            Assert.Contains("connect: connection refused", run.Main.State.Waiting.Message);
            Assert.Contains("Pulling: Pulling image \"127.0.0.1:1/no-such-thing:1\"", run.Events);
        }
    }

    [Fact]
    public async Task An_image_is_pulled_once_for_all_who_want_it_and_kept()
    {
        using var registry = new TestRegistry();
        var name = Push(registry, "team/web:1", "exec sleep 1000");
        await using var node = new TestNode();
        TestPod[] pods = [.. Enumerable.Range(0, 3).Select(i => node.Run(Pod(name, "IfNotPresent", $"web-{i}")))];
        foreach (var pod in pods)
            await pod.UntilRunningAsync();

        var stored = Assert.Single(node.Options.Images.Store.List());
        Assert.Equal((name, true), (stored.Name, stored.Pulled));
        var digest = OciImage.Digest(Encoding.UTF8.GetBytes(Tool.Run("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}")));
        Assert.Equal($"{registry.Address}/team/web@{digest}", pods[0].Main.ImageID);
        Assert.Contains(pods[0].Events, e => e == $"Pulling: Pulling image \"{name}\"");
        Assert.Contains(pods[0].Events, e => e.StartsWith($"Pulled: Successfully pulled image \"{name}\" in ", StringComparison.Ordinal) && e.EndsWith($"It is {registry.Address}/team/web@{digest}", StringComparison.Ordinal));
        Assert.Equal([1, 1, 1], registry.Fetches("team/web")); // two layers and the configuration
        Assert.Empty(Directory.GetFileSystemEntries(node.Paths.Pulls));

        // It is there now, by its digest too, and nobody asks the registry again.
        registry.Stop();
        var later = node.Run(Pod(name, "IfNotPresent", "later"));
        await later.UntilRunningAsync();
        var exactly = node.Run(Pod($"{registry.Address}/team/web@{digest}", "IfNotPresent", "exactly"));
        await exactly.UntilRunningAsync();
        Assert.DoesNotContain(later.Events, e => e.StartsWith("Pulling", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Always_asks_the_registry_again()
    {
        using var registry = new TestRegistry();
        var name = Push(registry, "web:latest", "echo first; exec sleep 1000");
        await using var node = new TestNode();
        var first = node.Run(Pod(name, "Always", "first"));
        await first.UntilRunningAsync();
        Push(registry, "web:latest", "echo second; exec sleep 1000");
        var second = node.Run(Pod(name, "Always", "second"));
        await second.UntilAsync(() => second.Status.Phase == "Running" && second.Log(0) == "second\n");
        Assert.NotEqual(first.Main.ImageID, second.Main.ImageID);

        registry.Stop();
        var third = node.Run(Pod(name, "Always", "third"));
        await third.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting?.Reason == "ErrImagePull");
    }

    [Fact]
    public async Task An_image_by_its_digest_is_that_image_or_none()
    {
        using var registry = new TestRegistry();
        var name = Push(registry, "web:1", "exec sleep 1000");
        var digest = OciImage.Digest(Encoding.UTF8.GetBytes(Tool.Run("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}")));
        await using var node = new TestNode();
        var good = node.Run(Pod($"{registry.Address}/web@{digest}", "IfNotPresent", "good"));
        await good.UntilRunningAsync();
        var bad = node.Run(Pod($"{registry.Address}/web@sha256:{new string('0', 64)}", "IfNotPresent", "bad"));
        await bad.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting is { Reason: "ErrImagePull" } waiting && waiting.Message.Contains("manifest unknown", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_pods_imagePullSecrets_open_a_registry()
    {
        using var registry = new TestRegistry(asks: true);
        var name = Push(registry, "web:1", "exec sleep 1000", "reader:secret");
        await using var node = new TestNode();
        var without = node.Run(Pod(name, "IfNotPresent", "without"));
        await without.UntilAsync(status => status.ContainerStatuses?[0].State.Waiting is { Reason: "ErrImagePull" } waiting && waiting.Message.Contains("authentication required", StringComparison.Ordinal));

        var auth = Convert.ToBase64String("reader:secret"u8);
        node.Objects.Secrets["regcred"] = new Dictionary<string, byte[]>
        {
            [".dockerconfigjson"] = OciImage.Bytes(new JsonObject { ["auths"] = new JsonObject { [registry.Address] = new JsonObject { ["auth"] = auth } } }),
        };
        var pod = Pod(name, "IfNotPresent", "with");
        pod.Spec.ImagePullSecrets = [new V1LocalObjectReference { Name = "missing" }, new V1LocalObjectReference { Name = "regcred" }];
        var with = node.Run(pod);
        await with.UntilRunningAsync();
        Assert.Contains("FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (missing); attempting to pull the image may not succeed.", with.Events);
    }

    [Fact]
    public async Task A_pod_that_is_deleted_while_its_image_comes_is_gone_at_once()
    {
        // A registry that takes connections and never says anything.
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        await using var node = new TestNode();
        var run = node.Run(Pod($"{silent.LocalEndpoint}/web:1", "Always", "web-0"));
        await run.UntilAsync(() => run.Events.Any(e => e.StartsWith("Pulling", StringComparison.Ordinal)));
        run.Delete(1);
        await run.UntilEndedAsync();
    }

    [Theory]
    [InlineData("time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"Error reading \\\"x\\\": no\\nline\"", "Error reading \"x\": no line")]
    [InlineData("skopeo: something else", "skopeo: something else")]
    public void What_skopeo_says_is_read(string line, string message) => Assert.Equal(message, RegistryPull.Complaint(["level=warning", line, ""]));

    [Theory]
    [InlineData("", "0:0:")]
    [InlineData("root", "0:0:")]
    [InlineData("web", "1000:1001:27")]
    [InlineData("1000", "1000:1001:27")]
    [InlineData("4242", "4242:0:")]
    [InlineData("web:admins", "1000:27:")]
    [InlineData("4242:4343", "4242:4343:")]
    [InlineData("nobody", null)]
    [InlineData("web:nobody", null)]
    [InlineData("-1", null)]
    public void A_user_is_found_in_the_images_own_files(string text, string? expected)
    {
        Directory.CreateDirectory($"{_folder}/root/etc");
        File.WriteAllText($"{_folder}/root/etc/passwd", Passwd);
        File.WriteAllText($"{_folder}/root/etc/group", Group);
        if (expected is null)
        {
            Assert.Throws<ContainerConfigException>(() => ImageUsers.Find($"{_folder}/root", text));
            return;
        }

        var user = ImageUsers.Find($"{_folder}/root", text);
        Assert.Equal(expected, $"{user.Uid}:{user.Gid}:{string.Join(',', user.AdditionalGids ?? [])}");
    }

    [Fact]
    public void The_users_of_an_image_are_not_the_machines()
    {
        Directory.CreateDirectory($"{_folder}/root/etc");
        File.CreateSymbolicLink($"{_folder}/root/etc/passwd", "/etc/passwd");
        File.CreateSymbolicLink($"{_folder}/root/etc/group", $"../../../..{_folder}/group");
        File.WriteAllText($"{_folder}/group", "");
        Assert.Throws<ContainerConfigException>(() => ImageUsers.Find($"{_folder}/root", "daemon"));
        Assert.Throws<ContainerConfigException>(() => ImageUsers.Find($"{_folder}/root", "0:daemon"));
        // What would block whoever opens it.
        File.Delete($"{_folder}/root/etc/passwd");
        Podnet.Linux.FileNode.CreatePipe($"{_folder}/root/etc/passwd");
        Assert.Throws<ContainerConfigException>(() => ImageUsers.Find($"{_folder}/root", "daemon"));
    }

    private const string Passwd = "root:x:0:0::/:/bin/sh\nweb:x:1000:1001::/:/bin/sh\n";
    private const string Group = "root:x:0:\nweb:x:1001:\nadmins:x:27:web\n";

    private static V1Pod Pod(string image, string policy, string name)
    {
        var pod = TestNode.Script("", name: name);
        pod.Spec.Containers = [new V1Container { Name = "main", Image = image, ImagePullPolicy = policy }];
        return pod;
    }

    private OciImage Image(string? name, string run) => new OciImage(name) { Run = JsonNode.Parse(run)!.AsObject(), Pack = OciImage.Gzip }
        .Layer(tar => OciImage.AddBusybox(tar, "sh", "echo", "pwd", "id", "ls", "sleep", "touch"))
        .Layer(tar =>
        {
            OciImage.AddText(tar, "etc/passwd", Passwd);
            OciImage.AddText(tar, "etc/group", Group);
        });

    private StoredImage Load(TestNode node, string name, string run)
    {
        Image(name, run).WriteArchive($"{_folder}/image.tar");
        return new ImageLoader(node.Options.Images.Store, new ImageLimits(), _ => { }).Load($"{_folder}/image.tar", ImageReference.Parse(name))[0];
    }

    private string Push(TestRegistry registry, string name, string script, string? credentials = null)
    {
        Image("pushed:1", new JsonObject { ["Cmd"] = new JsonArray("/bin/sh", "-c", script) }.ToJsonString()).WriteArchive($"{_folder}/image.tar");
        return registry.Push($"{_folder}/image.tar", name, credentials);
    }
}
