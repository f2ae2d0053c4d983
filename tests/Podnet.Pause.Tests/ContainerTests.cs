using System.Text.Json.Nodes;
using Podnet.Linux;
using Podnet.Testing;

namespace Podnet.Pause.Tests;

/// <summary>As a sandbox runs it: by runc, as nobody, in a read-only root with no other file in it.</summary>
public sealed class ContainerTests
{
    [Fact]
    public async Task It_runs_as_nobody_in_a_root_that_holds_nothing_else()
    {
        var folder = Directory.CreateTempSubdirectory("podnet-pause-").FullName;
        var id = Path.GetFileName(folder);
        try
        {
            Directory.CreateDirectory($"{folder}/rootfs");
            File.Copy(PauseProcess.Path, $"{folder}/rootfs/pause");
            File.WriteAllText($"{folder}/config.json", Config(id).ToJsonString());
            var container = ChildProcess.Start(new ProcessStart("runc", ["--root", $"{folder}/runc", "run", "--bundle", folder, "--pid-file", $"{folder}/pid", id]));
            Poll.Until(() => File.Exists($"{folder}/pid"), () => "runc does not start it");
            var pid = int.Parse(File.ReadAllText($"{folder}/pid"));
            Poll.Until(() => PauseProcess.Runs(pid), () => "pause does not run");

            Assert.Matches(@"Uid:\s+65535", File.ReadAllText($"/proc/{pid}/status"));
            Tool.Run("runc", "--root", $"{folder}/runc", "kill", id, "TERM");

            Assert.True((await container.Exited.WaitAsync(PauseProcess.Deadline)).Succeeded);
        }
        finally
        {
            ChildProcess.Run("runc", "--root", $"{folder}/runc", "delete", "--force", id);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonObject Config(string id) => new()
    {
        ["ociVersion"] = "1.0.2",
        ["process"] = new JsonObject
        {
            ["cwd"] = "/",
            ["args"] = new JsonArray("/pause"),
            ["user"] = new JsonObject { ["uid"] = 65535, ["gid"] = 65535 },
            ["noNewPrivileges"] = true,
        },
        ["root"] = new JsonObject { ["path"] = "rootfs", ["readonly"] = true },
        ["mounts"] = new JsonArray(new JsonObject { ["destination"] = "/proc", ["type"] = "proc", ["source"] = "proc" }),
        ["linux"] = new JsonObject
        {
            ["cgroupsPath"] = $"/{id}",
            ["namespaces"] = new JsonArray([.. new[] { "pid", "mount", "network", "ipc", "uts" }.Select(type => new JsonObject { ["type"] = type })]),
        },
    };
}
