using System.Globalization;
using System.Text.Json;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

/// <summary>runc could not start a container.</summary>
internal sealed class RuncException(string message) : Exception(message);

/// <summary>Where a program in a container reads and writes; a null is /dev/null.</summary>
internal sealed record ExecStreams(FileHandle? Input = null, FileHandle? Output = null, FileHandle? Error = null);

/// <summary>Starts containers with runc (runc-run(8)).</summary>
/// <param name="root">runc's --root: a folder per container, with its state.json.</param>
internal sealed class Runc(string root)
{
    private int _execs;

    /// <summary>Writes a bundle's config.json and runs it; the container's first process, a child of this one (the subreaper).</summary>
    /// <param name="console">Where runc sends the terminal of a container that gets one: a listening Unix socket.</param>
    public async Task<ChildProcess> RunAsync(string id, string bundle, OciSpec spec, ExecStreams streams, string? console = null)
    {
        await File.WriteAllBytesAsync($"{bundle}/config.json", JsonSerializer.SerializeToUtf8Bytes(spec, OciJson.Default.OciSpec));
        Directory.CreateDirectory(root);
        var log = $"{bundle}/runc.log";
        var pidFile = $"{bundle}/pid";
        var runc = ChildProcess.Start(new ProcessStart("runc",
        [
            "--root", root, "--log", log, "--log-format", "json", "run", "--detach", .. ConsoleSocket(console), "--pid-file", pidFile, "--bundle", bundle, id,
        ])
        { StandardInput = streams.Input, StandardOutput = streams.Output, StandardError = streams.Error });
        var status = await runc.Exited;
        if (!status.Succeeded)
            throw new RuncException(Complaint(log) ?? $"runc run: {status}");
        // It may have ended by now: then it waits, a zombie, for whoever asks.
        return ChildProcess.Adopt(int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture));
    }

    /// <summary>Runs a program in a running container, as whom and with what its first process was started (runc-exec(8)).</summary>
    /// <param name="console">Where runc sends the terminal of a program that gets one: a listening Unix socket.</param>
    /// <exception cref="RuncException">It could not be started.</exception>
    public async Task<ChildProcess> ExecAsync(RunningContainer container, IReadOnlyList<string> command, ExecStreams streams, string? console = null)
    {
        var scratch = $"{container.Folder}/exec-{Interlocked.Increment(ref _execs)}";
        var (log, pidFile) = ($"{scratch}.log", $"{scratch}.pid");
        string[] terminal = console is null ? [] : ["--tty", .. ConsoleSocket(console)];
        try
        {
            var runc = ChildProcess.Start(new ProcessStart("runc",
            [
                "--root", root, "--log", log, "--log-format", "json", "exec", "--detach", .. terminal, "--pid-file", pidFile, container.Id, .. command,
            ])
            { StandardInput = streams.Input, StandardOutput = streams.Output, StandardError = streams.Error });
            var status = await runc.Exited;
            if (!status.Succeeded)
                throw new RuncException(Complaint(log) ?? $"runc exec: {status}");
            return ChildProcess.Adopt(int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture));
        }
        catch (DirectoryNotFoundException e)
        {
            throw new RuncException($"the container has ended: {e.Message}");
        }
        finally
        {
            if (Directory.Exists(container.Folder))
            {
                File.Delete(log);
                File.Delete(pidFile);
            }
        }
    }

    private static string[] ConsoleSocket(string? path) => path is null ? [] : ["--console-socket", path];

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
