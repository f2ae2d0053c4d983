using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.Testing;

/// <summary>An image in the making, as an OCI image layout 1.0 (image-layout.md): a folder, or an archive of one, which podman, skopeo and containerd read.</summary>
/// <param name="name">Null: it says none.</param>
public sealed class OciImage(string? name)
{
    public const UnixFileMode Executable = (UnixFileMode)0b111_101_101; // 0755
    public const UnixFileMode Readable = (UnixFileMode)0b110_100_100; // 0644

    /// <summary>The lowest first.</summary>
    public List<byte[]> Layers { get; } = [];

    /// <summary>What runs: Cmd, Env and so on.</summary>
    public JsonObject Run { get; init; } = [];

    public string Architecture { get; init; } = "amd64";

    /// <summary>What is stored of a layer.</summary>
    public Func<byte[], byte[]> Pack { get; init; } = bytes => bytes;

    public OciImage Layer(Action<TarWriter> fill)
    {
        Layers.Add(Tar(fill));
        return this;
    }

    public static byte[] Tar(Action<TarWriter> fill)
    {
        using var bytes = new MemoryStream();
        using (var writer = new TarWriter(bytes, leaveOpen: true))
            fill(writer);
        return bytes.ToArray();
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>The static busybox of Debian, and names for it in /bin.</summary>
    public static void AddBusybox(TarWriter layer, params string[] applets)
    {
        AddBytes(layer, "bin/busybox", File.ReadAllBytes("/bin/busybox"), Executable);
        foreach (var applet in applets)
            layer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox", Mode = Executable, ModificationTime = DateTimeOffset.UnixEpoch });
    }

    public static void AddText(TarWriter archive, string name, string text) => AddBytes(archive, name, Encoding.UTF8.GetBytes(text), Readable);

    public static void AddBytes(TarWriter archive, string name, byte[] content, UnixFileMode mode) =>
        archive.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), Mode = mode, ModificationTime = DateTimeOffset.UnixEpoch });

    /// <summary>All files of the layout, by their paths in it.</summary>
    public Dictionary<string, byte[]> Files()
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var entry = AddTo(files);
        // The first name is the specification's; where it is a whole one, containerd wants it under its own.
        if (name is not null)
            entry["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name, ["io.containerd.image.name"] = name };
        files["index.json"] = Bytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(entry) });
        files["oci-layout"] = Encoding.UTF8.GetBytes("""{"imageLayoutVersion":"1.0.0"}""");
        return files;
    }

    /// <summary>Puts the image's blobs among the files of a layout; a descriptor of its manifest.</summary>
    public JsonObject AddTo(Dictionary<string, byte[]> files)
    {
        var config = new JsonObject
        {
            ["architecture"] = Architecture,
            ["os"] = "linux",
            ["config"] = Run.DeepClone(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. Layers.Select(layer => JsonValue.Create(Digest(layer)))]) },
        };
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = "application/vnd.oci.image.manifest.v1+json",
            ["config"] = AddBlob(files, Bytes(config), "application/vnd.oci.image.config.v1+json"),
            ["layers"] = new JsonArray(
                [.. Layers.Select(Pack).Select(layer => AddBlob(files, layer, $"application/vnd.oci.image.layer.v1.tar{(layer is [0x1F, 0x8B, ..] ? "+gzip" : "")}"))]),
        };
        return AddBlob(files, Bytes(manifest), "application/vnd.oci.image.manifest.v1+json");
    }

    public void WriteArchive(string path) => WriteArchive(path, Files());

    public static void WriteArchive(string path, Dictionary<string, byte[]> files)
    {
        using var file = File.Create(path);
        using var archive = new TarWriter(file);
        foreach (var (at, content) in files)
            AddBytes(archive, at, content, Readable);
    }

    public void WriteLayout(string folder) => WriteLayout(folder, Files());

    public static void WriteLayout(string folder, Dictionary<string, byte[]> files)
    {
        foreach (var (at, content) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName($"{folder}/{at}")!);
            File.WriteAllBytes($"{folder}/{at}", content);
        }
    }

    /// <summary>A content descriptor (OCI image specification, descriptor.md) of what is put among the files.</summary>
    public static JsonObject AddBlob(Dictionary<string, byte[]> files, byte[] content, string mediaType)
    {
        var digest = Digest(content);
        files[$"blobs/sha256/{digest["sha256:".Length..]}"] = content;
        return new JsonObject { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = content.Length };
    }

    public static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    public static byte[] Bytes(JsonNode json) => Encoding.UTF8.GetBytes(json.ToJsonString());
}
