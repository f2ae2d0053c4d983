using System.Globalization;
using System.Text.Json;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>runc could not start a container.</summary>
internal sealed class RuncException(string message) : Exception(message);

/// <summary>Starts containers with runc (runc-run(8)).</summary>
/// <param name="root">runc's --root: a folder per container, with its state.json.</param>
internal sealed class Runc(string root)
{
    /// <summary>Writes a bundle's config.json and runs it; the container's first process, a child of this one (the subreaper).</summary>
    /// <param name="output">Standard output and error of the container; null for /dev/null.</param>
    public async Task<ChildProcess> RunAsync(string id, string bundle, OciSpec spec, FileHandle? output)
    {
        await File.WriteAllBytesAsync($"{bundle}/config.json", JsonSerializer.SerializeToUtf8Bytes(spec, OciJson.Default.OciSpec));
        Directory.CreateDirectory(root);
        var log = $"{bundle}/runc.log";
        var pidFile = $"{bundle}/pid";
        var runc = ChildProcess.Start(new ProcessStart("runc",
        [
            "--root", root, "--log", log, "--log-format", "json", "run", "--detach", "--pid-file", pidFile, "--bundle", bundle, id,
        ])
        { StandardOutput = output, StandardError = output });
        var status = await runc.Exited;
        if (!status.Succeeded)
            throw new RuncException(Complaint(log) ?? $"runc run: {status}");
        // It may have ended by now: then it waits, a zombie, for whoever asks.
        return ChildProcess.Adopt(int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture));
    }

    /// <summary>Forgets a container whose processes have ended. Its cgroup stays: it belongs to the pod.</summary>
    public void Forget(string id)
    {
        var state = $"{root}/{id}";
        if (Directory.Exists(state))
            Directory.Delete(state, recursive: true);
    }

    /// <summary>The last error in runc's own log: a JSON object a line with "level" and "msg".</summary>
    private static string? Complaint(string log)
    {
        if (!File.Exists(log))
            return null;
        string? found = null;
        foreach (var line in File.ReadLines(log))
        {
            using var entry = JsonDocument.Parse(line);
            if (entry.RootElement.GetProperty("level").GetString() is "error" or "fatal")
                found = entry.RootElement.GetProperty("msg").GetString();
        }

        return found;
    }
}
