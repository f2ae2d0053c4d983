using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Podnet.Local.Images;
using Podnet.Testing;

namespace Podnet.Local.Tests.Images;

public sealed class LoadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podnet-load-").FullName;
    private readonly ImageStore _store;

    public LoadTests() => _store = new ImageStore($"{_folder}/store");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Every format that a tool writes, of one image: the same image, and its layers are there once.</summary>
    [Fact]
    public void What_podman_and_skopeo_write_is_loaded()
    {
        Web().WriteArchive(At("oci.tar"));
        string[] podman = ["--root", At("podman"), "--runroot", At("podman-run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"];
        Tool.Run("podman", [.. podman, "load", "--quiet", "--input", At("oci.tar")]);
        Tool.Run("podman", [.. podman, "save", "--quiet", "--output", At("docker-save.tar"), "localhost/web:1"]);
        Tool.Run("podman", [.. podman, "save", "--quiet", "--format", "oci-archive", "--output", At("podman-oci.tar"), "localhost/web:1"]);
        Tool.Run("podman", [.. podman, "save", "--quiet", "--format", "docker-dir", "--output", At("docker-dir"), "localhost/web:1"]);
        Skopeo($"docker-archive:{At("docker-archive.tar")}:example.org/web:2");
        Skopeo($"oci:{At("layout")}:example.org/web:3");
        Skopeo($"oci:{At("nameless")}:4");
        Skopeo($"dir:{At("dir")}");
        Tool.Run("gzip", "-k", At("oci.tar"));

        string[] names =
        [
            .. Load("docker-save.tar"), .. Load("podman-oci.tar"), .. Load("docker-archive.tar"), .. Load("layout"), .. Load("nameless", "web:4"),
            .. Load("dir", "web:5"), .. Load("docker-dir", "web:6"), .. Load("oci.tar.gz"),
        ];
        Assert.Equal(
            ["localhost/web:1", "localhost/web:1", "example.org/web:2", "example.org/web:3", "docker.io/library/web:4", "docker.io/library/web:5", "docker.io/library/web:6", "localhost/web:1"],
            names);
        var images = _store.List();
        Assert.Equal(6, images.Count);
        Assert.Single(images.Select(image => string.Join(' ', image.Layers)).Distinct());
        Assert.Equal(2, Directory.GetDirectories(_store.Layers).Length);
        Assert.All(images, image => Assert.Equal(["sh", "-c", "true"], image.Run.Command));
        Assert.Null(images.Single(image => image.Name == "example.org/web:2").Digest);
        Assert.Equal($"example.org/web@{images.Single(image => image.Name == "example.org/web:3").Digest}", images.Single(image => image.Name == "example.org/web:3").ContentName);
        Assert.Equal("hello\n", File.ReadAllText($"{_store.LayerFolder(images[0].Layers[0].Chain)}/etc/hello"));
        Assert.Equal("drwx------", Tool.Run("stat", "-c", "%A", _store.Folder).TrimEnd());
    }

    [Fact]
    public void Of_an_image_for_several_platforms_this_machines_is_taken()
    {
        var files = new Dictionary<string, byte[]>();
        var manifests = new JsonArray();
        foreach (var architecture in new[] { "arm64", "amd64", "s390x" })
        {
            var one = new OciImage(null) { Architecture = architecture }.Layer(tar => OciImage.AddText(tar, "for", architecture)).AddTo(files);
            one["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = architecture };
            manifests.Add((JsonNode)one);
        }

        var index = OciImage.AddBlob(files, OciImage.Bytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = manifests }), "application/vnd.oci.image.index.v1+json");
        index["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = "example.org/many:1" };
        Complete(files, index);
        OciImage.WriteArchive(At("many.tar"), files);
        Load("many.tar");
        var image = Assert.Single(_store.List());
        Assert.Equal((string)index["digest"]!, image.Digest);
        Assert.Equal("amd64", File.ReadAllText($"{_store.LayerFolder(image.Layers[0].Chain)}/for"));

        manifests.RemoveAt(1);
        index = OciImage.AddBlob(files, OciImage.Bytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = manifests.DeepClone() }), "");
        Complete(files, index);
        Refused(files, "not for linux/amd64, which this machine is: it is for linux/arm64, linux/s390x", "other:1");
    }

    [Fact]
    public void An_image_for_another_machine_is_refused() =>
        Refused(new OciImage("web:1") { Architecture = "arm64" }.Layer(tar => OciImage.AddText(tar, "a", "")).Files(), "is for linux/arm64, and this machine is linux/amd64");

    [Fact]
    public void A_name_is_wanted_of_what_has_none()
    {
        Refused(new OciImage(null).Layer(tar => OciImage.AddText(tar, "a", "")).Files(), "give it one with --as");
        Directory.CreateDirectory(At("empty"));
        Assert.Contains("neither oci-layout", Assert.Throws<ImageException>(() => Load("empty")).Message);
        File.WriteAllText(At("text"), "this is no archive");
        Assert.Contains("is no image", Assert.Throws<ImageException>(() => Load("text")).Message);
        Assert.Contains("is not there", Assert.Throws<ImageException>(() => Load("nothing")).Message);
    }

    [Fact]
    public void A_layer_that_is_not_what_its_digest_says_leaves_nothing()
    {
        foreach (var packed in new[] { false, true })
        {
            var image = new OciImage("web:1") { Pack = packed ? OciImage.Gzip : bytes => bytes };
            image.Layer(tar => OciImage.AddText(tar, "first", "")).Layer(tar => OciImage.AddText(tar, "second", "good"));
            var files = image.Files();
            var layer = files.Keys.Single(name => name.EndsWith(OciImage.Digest(image.Pack(image.Layers[1]))[7..], StringComparison.Ordinal));
            files[layer] = image.Pack(OciImage.Tar(tar => OciImage.AddText(tar, "second", "evil")));
            Refused(files, "its content is sha256:");
        }
    }

    [Fact]
    public void A_manifest_that_is_not_what_its_digest_says_is_refused()
    {
        var files = Web().Files();
        var manifest = files.Single(file => Encoding.UTF8.GetString(file.Value).Contains("\"layers\":", StringComparison.Ordinal) && file.Key.StartsWith("blobs/", StringComparison.Ordinal)).Key;
        files[manifest] = [.. files[manifest], (byte)' '];
        Refused(files, "is damaged");
        files.Remove(manifest);
        Refused(files, "is missing");
    }

    [Fact]
    public void A_layer_that_grows_beyond_what_there_is_room_for_leaves_nothing()
    {
        // 64 MiB of zeros are 64 kB in the file.
        var bomb = new OciImage("web:1") { Pack = OciImage.Gzip }.Layer(tar => OciImage.AddText(tar, "small", "")).Layer(tar => OciImage.AddBytes(tar, "large", new byte[64 << 20], OciImage.Readable));
        bomb.WriteLayout(At("bomb"));
        Assert.True(new DirectoryInfo(At("bomb")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) < 1 << 20);
        Assert.Contains("goes beyond the 1048576 bytes", Assert.Throws<ImageException>(() => Load("bomb", limits: new ImageLimits(Bytes: 1 << 20))).Message);
        AssertEmpty();
        bomb.WriteArchive(At("bomb.tar"));
        Tool.Run("gzip", At("bomb.tar"));
        Assert.Contains("beyond the 1048576", Assert.Throws<ImageException>(() => Load("bomb.tar.gz", limits: new ImageLimits(Bytes: 1 << 20))).Message);
        AssertEmpty();
        Directory.CreateDirectory(At("two"));
        Web().WriteLayout(At("two"));
        Assert.Contains("more files than an image may have", Assert.Throws<ImageException>(() => Load("two", limits: new ImageLimits(Entries: 1))).Message);
        AssertEmpty();
    }

    /// <summary>Who reads a tar file makes room for a header of the size that it says: 1 GiB, which is not there.</summary>
    [Fact]
    public void A_header_that_says_it_is_huge_is_refused()
    {
        var tar = OciImage.Tar(writer => OciImage.AddText(writer, new string('n', 200), ""));
        Encoding.ASCII.GetBytes("10000000000").CopyTo(tar, 124); // ustar's size, of the extended header
        var sum = tar.AsSpan(0, 148).ToArray().Sum(b => b) + (8 * ' ') + tar.AsSpan(156, 356).ToArray().Sum(b => b);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, 148);
        var image = new OciImage("web:1");
        image.Layers.Add(tar);
        Refused(image.Files(), "a header of");
    }

    [Fact]
    public void A_layer_that_leads_out_leaves_nothing() =>
        Refused(Web().Layer(tar => OciImage.AddText(tar, "../../evil", "")).Files(), "\"../../evil\" leads out of the image");

    [Fact]
    public void A_compression_that_is_not_read_is_said_by_name()
    {
        Web().WriteArchive(At("oci.tar"));
        Skopeo($"oci:{At("zstd")}:example.org/web:1", "--dest-compress-format", "zstd");
        Assert.Contains("compressed with zstd", Assert.Throws<ImageException>(() => Load("zstd")).Message);
        AssertEmpty();
    }

    [Theory]
    [InlineData("""{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[]}}""", "digests of 0 layers")]
    [InlineData("""{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[null]}}""", "digests of 1 layers")]
    [InlineData("""{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["sha256:../../../../etc"]}}""", "digests of 1 layers")]
    [InlineData("""{"architecture":"amd64","os":"linux","config":{"Env":["novalue"]}}""", "digests of 0 layers")]
    [InlineData("""[1]""", "is not what it should be")]
    [InlineData("""null""", "is empty")]
    public void A_configuration_that_cannot_be_is_refused(string config, string fault)
    {
        var files = new Dictionary<string, byte[]>();
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["config"] = OciImage.AddBlob(files, Encoding.UTF8.GetBytes(config), ""),
            ["layers"] = new JsonArray(OciImage.AddBlob(files, OciImage.Tar(tar => OciImage.AddText(tar, "a", "")), "")),
        };
        Complete(files, OciImage.AddBlob(files, OciImage.Bytes(manifest), ""));
        Refused(files, fault, "web:1");
    }

    [Theory]
    [InlineData("Env", """["novalue"]""", "Env has \"novalue\"")]
    [InlineData("StopSignal", "\"SIGNONE\"", "StopSignal \"SIGNONE\"")]
    public void What_an_image_says_of_its_program_is_checked(string field, string value, string fault) =>
        Refused(new OciImage("web:1") { Run = new JsonObject { [field] = JsonNode.Parse(value) } }.Layer(tar => OciImage.AddText(tar, "a", "")).Files(), fault);

    /// <summary>Bytes of the layout's documents and layers changed at random: an error of one line, or an image.</summary>
    [Fact]
    public void A_layout_that_is_damaged_anywhere_is_an_error_or_an_image()
    {
        var random = new Random(5); // the same each time
        var good = Web().Files();
        for (var i = 0; i < 150; i++)
        {
            var files = good.ToDictionary(file => file.Key, file => file.Value.ToArray());
            var (name, content) = files.ElementAt(random.Next(files.Count));
            // Without their digests in the way, as somebody would write them who means it.
            for (var changes = random.Next(1, 8); changes > 0 && content.Length > 0; changes--)
                content[random.Next(Math.Min(content.Length, 4096))] = (byte)random.Next(256);
            var renamed = name.StartsWith("blobs/", StringComparison.Ordinal) ? Rename(files, name) : files;
            OciImage.WriteLayout(At($"damaged-{i}"), renamed);
            try
            {
                Load($"damaged-{i}");
            }
            catch (ImageException)
            {
                continue;
            }
            finally
            {
                Directory.Delete(At($"damaged-{i}"), recursive: true);
            }
        }
    }

    [Fact]
    public void Layers_go_with_the_last_image_and_the_last_container_that_have_them()
    {
        Directory.CreateDirectory(At("a"));
        Directory.CreateDirectory(At("b"));
        Web().WriteLayout(At("a"));
        Web("localhost/web:2").Layer(tar => OciImage.AddText(tar, "more", "")).WriteLayout(At("b"));
        Load("a");
        Load("b");
        Assert.Equal(3, Directory.GetDirectories(_store.Layers).Length);
        var running = new ClusterPaths("test-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        Directory.CreateDirectory($"{running.Containers}/node-1/abc");
        try
        {
            _store.Use(_store.Find(ImageReference.Parse("localhost/web:2"))!.Layers, $"{running.Containers}/node-1/abc/{ImageStoreChange.LayersRecord}", folders => Assert.Equal(3, folders.Count));
            _store.Remove([ImageReference.Parse("web:2")]); // as podman names it
            Assert.Equal("localhost/web:1", Assert.Single(_store.List()).Name);
            Assert.Equal(3, Directory.GetDirectories(_store.Layers).Length);
        }
        finally
        {
            Directory.Delete(running.Run, recursive: true);
        }

        Assert.Contains("there is no image", Assert.Throws<ImageException>(() => _store.Remove([ImageReference.Parse("localhost/web:1"), ImageReference.Parse("web:9")])).Message);
        Assert.Equal(2, Directory.GetDirectories(_store.Layers).Length);
        var layers = _store.List()[0].Layers;
        _store.Remove([ImageReference.Parse("localhost/web:1")]);
        AssertEmpty();
        Assert.Throws<ImageException>(() => _store.Use(layers, At("record"), _ => Assert.Fail("there is nothing to mount")));
    }

    [Fact]
    public void What_a_killed_load_left_is_taken_away_by_the_next()
    {
        Directory.CreateDirectory($"{_store.Scratch}/0/half");
        Directory.CreateDirectory($"{_store.Layers}/{new string('a', 64)}");
        Web().WriteArchive(At("oci.tar"));
        Load("oci.tar");
        Assert.False(Directory.Exists(_store.Scratch));
        Assert.Equal(2, Directory.GetDirectories(_store.Layers).Length);
        File.WriteAllText($"{_store.Folder}/images.json", "{");
        Assert.Contains("is damaged", Assert.Throws<ImageException>(() => _store.List()).Message);
    }

    private static OciImage Web(string name = "localhost/web:1") => new OciImage(name) { Run = new JsonObject { ["Cmd"] = new JsonArray("sh", "-c", "true") } }
        .Layer(tar => OciImage.AddText(tar, "etc/hello", "hello\n"))
        .Layer(tar => OciImage.AddText(tar, "etc/more", "more\n"));

    private string At(string name) => $"{_folder}/{name}";

    private void Skopeo(string target, params string[] options) => Tool.Run("skopeo", ["--insecure-policy", "copy", "--quiet", .. options, $"oci-archive:{At("oci.tar")}", target]);

    private IEnumerable<string> Load(string file, string? name = null, ImageLimits? limits = null) =>
        new ImageLoader(_store, limits ?? new ImageLimits(), _ => { }).Load(At(file), name is null ? null : ImageReference.Parse(name)).Select(image => image.Name).ToArray();

    private void Refused(Dictionary<string, byte[]> files, string fault, string? name = null)
    {
        Directory.CreateDirectory(At("hostile"));
        OciImage.WriteLayout(At("hostile"), files);
        var before = Names();
        var refused = Assert.Throws<ImageException>(() => Load("hostile", name));
        Assert.Contains(fault, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Equal(before, Names());
        Directory.Delete(At("hostile"), recursive: true);
    }

    private void AssertEmpty() => Assert.Empty(Names());

    private string[] Names() => Directory.Exists(_store.Folder)
        ? [.. _store.List().Select(image => image.Name), .. Directory.GetDirectories(_store.Layers), .. Directory.Exists(_store.Scratch) ? Directory.GetFileSystemEntries(_store.Scratch) : []]
        : [];

    private static void Complete(Dictionary<string, byte[]> files, JsonObject entry)
    {
        files["index.json"] = OciImage.Bytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(entry) });
        files["oci-layout"] = "{}"u8.ToArray();
    }

    /// <summary>The layout with one blob under the digest of what it is now, wherever a document names it.</summary>
    private static Dictionary<string, byte[]> Rename(Dictionary<string, byte[]> files, string blob)
    {
        var (old, now) = (blob["blobs/sha256/".Length..], OciImage.Digest(files[blob])["sha256:".Length..]);
        var renamed = new Dictionary<string, byte[]> { [$"blobs/sha256/{now}"] = files[blob] };
        foreach (var (name, content) in files.Where(file => file.Key != blob))
        {
            var text = Encoding.Latin1.GetString(content);
            renamed[name] = Encoding.Latin1.GetBytes(text.Replace(old, now));
        }

        var outer = renamed.FirstOrDefault(file => file.Key.StartsWith("blobs/", StringComparison.Ordinal) && OciImage.Digest(file.Value)[7..] != file.Key["blobs/sha256/".Length..]).Key;
        return outer is null ? renamed : Rename(renamed, outer);
    }
}
