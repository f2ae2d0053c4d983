using Podnet.Linux;
using Podnet.Local.Config;

namespace Podnet.Local;

/// <summary>
/// A node's agent: a process of its own inside the node's namespace, started again whenever it ends, as a DaemonSet would.
/// </summary>
internal sealed class AgentProcess(ClusterPaths paths, string node, ClusterSpec spec, string podnet)
{
    // The first restart is at once; then the pause doubles up to a bound. Both arbitrary.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private ChildProcess? _child;

    /// <summary>Keeps it running until cancelled, then ends it.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var pause = TimeSpan.Zero;
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                var started = Environment.TickCount64;
                _child = Start();
                await _child.Exited.WaitAsync(cancel);
                var lived = TimeSpan.FromMilliseconds(Environment.TickCount64 - started);
                pause = lived > LongestPause || pause == TimeSpan.Zero ? FirstPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
                await Task.Delay(pause, cancel);
            }
        }
        finally
        {
            if (_child is { Exited.IsCompleted: false } child)
            {
                child.Kill(Signals.Terminate);
                await child.Exited;
            }
        }
    }

    private ChildProcess Start()
    {
        using var log = FileHandle.OpenAppend($"{paths.Logs}/agent-{node}.log");
        using var inside = paths.OpenNode(node);
        var start = new ProcessStart(podnet,
        [
            "agent", "--node-name", node, "--kubeconfig", paths.NodeKubeconfig, "--proxy-mode", spec.ProxyMode,
            "--cluster-cidr", ClusterSpecRules.Text(spec.PodCidrs), "--pod-network", spec.PodNetwork,
            "--fast-path", spec.FastPath ? "true" : "false",
            .. spec.NonMasqueradeCidrs.IsEmpty ? (string[])[] : ["--non-masquerade-cidr", ClusterSpecRules.Text(spec.NonMasqueradeCidrs)],
        ])
        {
            NewSession = true,
            WorkingDirectory = "/",
            StandardOutput = log,
            StandardError = log,
            Environment = new Dictionary<string, string?> { [ClusterPaths.EnvironmentMark] = paths.Cluster },
        };
        return inside.Run(() => ChildProcess.Start(start));
    }
}
