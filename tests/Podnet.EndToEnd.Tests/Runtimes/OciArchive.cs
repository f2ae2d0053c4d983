using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>Images of one layer as OCI archives (OCI image layout 1.0 in a tar file), which podman and containerd both read: nothing is pulled.</summary>
internal static class OciArchive
{
    public const string Web = "localhost/web:test";
    public const string Pause = "localhost/pause:test";

    private const UnixFileMode Everybody = (UnixFileMode)0b111_101_101; // 0755

    /// <summary>What prints a page, inside <see cref="Web"/>. (Debian's static busybox crashes at the end of a wget with a timeout of its own.)</summary>
    public static string[] Get(string url) => ["timeout", "10", "wget", "-q", "-O", "-", url];

    /// <summary>busybox, and its web server, as what runs.</summary>
    public static void WriteWeb(string path) => Write(
        path,
        Web,
        layer =>
        {
            AddFile(layer, "bin/busybox", "/bin/busybox");
            foreach (var applet in new[] { "sh", "ip", "wget", "nc", "cat", "sleep", "httpd", "timeout" })
                layer.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, $"bin/{applet}") { LinkName = "busybox", Mode = Everybody });
            AddText(layer, "etc/passwd", "root:x:0:0::/:/bin/sh\n");
            AddText(layer, "www/index.html", "hello\n");
        },
        new JsonObject { ["Cmd"] = new JsonArray("httpd", "-f", "-p", "80", "-h", "/www"), ["Env"] = new JsonArray("PATH=/bin") });

    /// <summary>bin/pause, alone.</summary>
    public static void WritePause(string path) => Write(
        path,
        Pause,
        layer => AddFile(layer, "pause", Repository.Built("pause")),
        new JsonObject { ["Entrypoint"] = new JsonArray("/pause"), ["User"] = "65535:65535" });

    private static void Write(string path, string name, Action<TarWriter> fill, JsonObject run)
    {
        using var file = File.Create(path);
        using var archive = new TarWriter(file);
        using var layerBytes = new MemoryStream();
        using (var layer = new TarWriter(layerBytes, leaveOpen: true))
            fill(layer);
        var layerBlob = AddBlob(archive, layerBytes.ToArray(), "application/vnd.oci.image.layer.v1.tar");
        var config = new JsonObject
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = run,
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray((string)layerBlob["digest"]!) },
        };
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = "application/vnd.oci.image.manifest.v1+json",
            ["config"] = AddBlob(archive, Bytes(config), "application/vnd.oci.image.config.v1+json"),
            ["layers"] = new JsonArray(layerBlob),
        };
        var entry = AddBlob(archive, Bytes(manifest), "application/vnd.oci.image.manifest.v1+json");
        // The first name is the specification's; where it is a whole one, containerd wants it under its own.
        entry["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name, ["io.containerd.image.name"] = name };
        AddText(archive, "index.json", new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(entry) }.ToJsonString());
        AddText(archive, "oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
    }

    /// <summary>A content descriptor (OCI image specification, descriptor.md) of what it has put into the archive.</summary>
    private static JsonObject AddBlob(TarWriter archive, byte[] content, string mediaType)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content));
        Add(archive, $"blobs/sha256/{hash}", content, Everybody);
        return new JsonObject { ["mediaType"] = mediaType, ["digest"] = $"sha256:{hash}", ["size"] = content.Length };
    }

    private static void AddFile(TarWriter archive, string name, string source) => Add(archive, name, File.ReadAllBytes(source), Everybody);

    private static void AddText(TarWriter archive, string name, string text) =>
        Add(archive, name, Encoding.UTF8.GetBytes(text), (UnixFileMode)0b110_100_100); // 0644

    private static void Add(TarWriter archive, string name, byte[] content, UnixFileMode mode) =>
        archive.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), Mode = mode });

    private static byte[] Bytes(JsonNode json) => Encoding.UTF8.GetBytes(json.ToJsonString());
}
