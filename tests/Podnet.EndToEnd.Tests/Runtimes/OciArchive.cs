using System.Text.Json.Nodes;
using Podnet.Testing;

namespace Podnet.EndToEnd.Tests.Runtimes;

/// <summary>Images of one layer as OCI archives, which podman and containerd both read: nothing is pulled.</summary>
internal static class OciArchive
{
    public const string Web = "localhost/web:test";
    public const string Pause = "localhost/pause:test";

    /// <summary>What prints a page, inside <see cref="Web"/>. (Debian's static busybox crashes at the end of a wget with a timeout of its own.)</summary>
    public static string[] Get(string url) => ["timeout", "10", "wget", "-q", "-O", "-", url];

    /// <summary>busybox, and its web server, as what runs.</summary>
    public static void WriteWeb(string path) =>
        new OciImage(Web) { Run = new JsonObject { ["Cmd"] = new JsonArray("httpd", "-f", "-p", "80", "-h", "/www"), ["Env"] = new JsonArray("PATH=/bin") } }
            .Layer(layer =>
            {
                OciImage.AddBusybox(layer, "sh", "ip", "wget", "nc", "cat", "sleep", "httpd", "timeout");
                OciImage.AddText(layer, "etc/passwd", "root:x:0:0::/:/bin/sh\n");
                OciImage.AddText(layer, "www/index.html", "hello\n");
            })
            .WriteArchive(path);

    /// <summary>bin/pause, alone.</summary>
    public static void WritePause(string path) =>
        new OciImage(Pause) { Run = new JsonObject { ["Entrypoint"] = new JsonArray("/pause"), ["User"] = "65535:65535" } }
            .Layer(layer => OciImage.AddBytes(layer, "pause", File.ReadAllBytes(Repository.Built("pause")), OciImage.Executable))
            .WriteArchive(path);
}
