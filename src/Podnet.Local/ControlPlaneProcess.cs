using System.Text;
using Podnet.Linux;

namespace Podnet.Local;

/// <summary>
/// The cluster's control plane as a process of its own, as whoever starts it sees it: it says on standard output what it has
/// done, a line a step, and closes it when the API server answers; what it logs goes to a file.
/// </summary>
public sealed class ControlPlaneProcess : IDisposable
{
    /// <summary>The last line before standard output is closed.</summary>
    public const string ReadyLine = "ready";

    private readonly ChildProcess _child;
    private readonly Pipe _output;
    private readonly string _log;

    private ControlPlaneProcess(ChildProcess child, Pipe output, string log)
    {
        _child = child;
        _output = output;
        _log = log;
    }

    public static ControlPlaneProcess Start(ClusterPaths paths, string podnet)
    {
        Directory.CreateDirectory(paths.Logs);
        var log = $"{paths.Logs}/control-plane.log";
        using var logFile = FileHandle.OpenAppend(log);
        var output = Pipe.Create();
        var child = ChildProcess.Start(new ProcessStart(podnet, ["control-plane", "--name", paths.Cluster])
        {
            NewSession = true,
            WorkingDirectory = "/",
            StandardOutput = output.Write,
            StandardError = logFile,
            Environment = new Dictionary<string, string?> { [ClusterPaths.EnvironmentMark] = paths.Cluster },
        });
        output.Write.Dispose();
        return new ControlPlaneProcess(child, output, log);
    }

    /// <summary>Reports each step until it is ready. Throws with the control plane's last words if it ends before.</summary>
    public async Task WaitUntilReadyAsync(Action<string> step, CancellationToken cancel)
    {
        using var reader = new StreamReader(_output.OpenRead(), Encoding.UTF8);
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            if (line == ReadyLine)
                return;
            step(line);
        }

        var status = await _child.Exited.WaitAsync(cancel);
        var words = File.ReadLines(_log).LastOrDefault(l => l.Length > 0) ?? "it said nothing";
        throw new IOException($"the control plane ended with {status}: {words} (its log: {_log})");
    }

    public void Dispose() => _output.Dispose();
}
