using System.Text.Json.Nodes;
using Podnet.Linux;
using Podnet.Local.Images;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests;

/// <summary>Images as somebody uses them: bin/podnet, kubectl, podman and Debian's docker-registry.</summary>
public sealed class ImageTests : IDisposable
{
    private const string Name = "e2e-images";

    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-e2e-images-").FullName;

    public ImageTests() => RemoveImages();

    public void Dispose()
    {
        RemoveImages();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_podman_saved_is_loaded_runs_in_a_cluster_and_is_removed()
    {
        Greeting("localhost/e2e-greeting:1", "loaded").WriteArchive($"{_folder}/oci.tar");
        string[] podman = ["--root", $"{_folder}/podman", "--runroot", $"{_folder}/podman-run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"];
        Tool.Run("podman", [.. podman, "load", "--quiet", "--input", $"{_folder}/oci.tar"]);
        Tool.Run("podman", [.. podman, "save", "--quiet", "--output", $"{_folder}/saved.tar", "localhost/e2e-greeting:1"]);

        Assert.Contains("✓ localhost/e2e-greeting:1 loaded: 2 layers, ", LocalCluster.Run("image", "load", $"{_folder}/saved.tar"));
        var piped = ChildProcess.Run(
            new ProcessStart(Repository.Podnet, ["image", "load", "-", "--as", "e2e-greeting:2"]), File.ReadAllBytes($"{_folder}/oci.tar"), TimeSpan.FromMinutes(1));
        Assert.Contains("✓ docker.io/library/e2e-greeting:2 loaded", piped.StandardOutput);
        Assert.Matches(@"localhost/e2e-greeting:1 +[0-9a-f]{12} +[0-9.]+ MB +loaded", LocalCluster.Run("image", "list"));

        using var cluster = new LocalCluster(Name);
        // As kubectl run has it: imagePullPolicy Always would ask a registry that there is not, were it not for what was loaded.
        cluster.Kubectl("run", "short", "--image=e2e-greeting:1", "--restart=Never");
        cluster.Kubectl("run", "tagged", "--image=e2e-greeting:2", "--restart=Never");
        foreach (var pod in new[] { "short", "tagged" })
        {
            cluster.Kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", $"pod/{pod}", "--timeout=60s");
            Assert.Equal("loaded as 1000:1000 in /srv\n", cluster.Kubectl("logs", pod));
        }

        Assert.Contains("already present on machine", cluster.Kubectl("get", "events", "--field-selector=reason=Pulled", "-o", "jsonpath={.items[*].message}"));
        Assert.StartsWith("docker.io/library/e2e-greeting@sha256:", cluster.Kubectl("get", "pod", "tagged", "-o", "jsonpath={.status.containerStatuses[0].imageID}"));
        Assert.Contains("✓ docker.io/library/e2e-greeting:2 removed", LocalCluster.Run("image", "remove", "e2e-greeting:2"));
        Assert.Contains("there is no image docker.io/library/e2e-greeting:2", LocalCluster.Try("image", "remove", "e2e-greeting:2").StandardError);
    }

    [Fact]
    public void An_image_comes_from_a_registry_of_this_machine_and_a_failure_says_what_skopeo_said()
    {
        using var registry = new TestRegistry();
        Greeting("pushed:1", "pulled").WriteArchive($"{_folder}/oci.tar");
        var image = registry.Push($"{_folder}/oci.tar", "e2e/greeting:1");
        using var cluster = new LocalCluster(Name);
        cluster.Kubectl("run", "web", $"--image={image}", "--restart=Never");
        cluster.Kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/web", "--timeout=60s");
        Assert.Equal("pulled as 1000:1000 in /srv\n", cluster.Kubectl("logs", "web"));
        Assert.Contains($"Successfully pulled image \"{image}\"", cluster.Kubectl("describe", "pod", "web"));
        Assert.Matches("greeting:1 .* pulled", LocalCluster.Run("image", "list"));

        cluster.Kubectl("run", "missing", $"--image={registry.Address}/e2e/no-such-image:1");
        Poll.Until(() => cluster.Kubectl("get", "pod", "missing").Contains("ErrImagePull"), () => cluster.Kubectl("describe", "pod", "missing"));
        Assert.Contains("manifest unknown", cluster.Kubectl("get", "pod", "missing", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}"));
        Poll.Until(() => cluster.Kubectl("describe", "pod", "missing").Contains("Error: ErrImagePull"), () => "no Event says so");
    }

    [Fact]
    public void A_hostile_image_is_one_line_and_leaves_nothing()
    {
        Greeting("e2e-hostile:1", "").Layer(tar => OciImage.AddText(tar, "../../../tmp/evil", "evil")).WriteArchive($"{_folder}/hostile.tar");
        var before = Store();
        var refused = LocalCluster.Try("image", "load", $"{_folder}/hostile.tar");
        Assert.Equal(1, refused.Status.Code);
        Assert.Matches(@"\Apodnet: .*hostile\.tar: layer sha256:[0-9a-f]{64}: ""\.\./\.\./\.\./tmp/evil"" leads out of the image\n\z", refused.StandardError);
        Assert.Equal(before, Store());
        Assert.False(File.Exists("/tmp/evil"));
        Assert.Equal(2, LocalCluster.Try("image", "remove", "No Name").Status.Code);
    }

    private static string[] Store() => Directory.Exists(ImageStore.DefaultFolder)
        ? [.. Directory.GetFileSystemEntries(ImageStore.DefaultFolder, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }).Where(path => !path.EndsWith("lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Of this test, also of a run that was killed.</summary>
    private static void RemoveImages()
    {
        var store = new ImageStore(ImageStore.DefaultFolder);
        ImageReference[] own = [.. store.List().Select(image => image.Name).Where(name => name.Contains("e2e", StringComparison.Ordinal)).Select(ImageReference.Parse)];
        if (own.Length > 0)
            store.Remove(own);
    }

    private static OciImage Greeting(string name, string word) => new OciImage(name)
    {
        Pack = OciImage.Gzip,
        Run = new JsonObject
        {
            ["Entrypoint"] = new JsonArray("sh", "-c"),
            ["Cmd"] = new JsonArray("echo $WORD as $(id -u):$(id -g) in $(pwd)"),
            ["Env"] = new JsonArray("PATH=/bin", $"WORD={word}"),
            ["User"] = "web",
            ["WorkingDir"] = "/srv",
        },
    }.Layer(tar => OciImage.AddBusybox(tar, "sh", "id", "echo", "pwd")).Layer(tar => OciImage.AddText(tar, "etc/passwd", "web:x:1000:1000::/:/bin/sh\n"));
}
