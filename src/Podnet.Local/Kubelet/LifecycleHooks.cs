using k8s.Models;

namespace Podnet.Local.Kubelet;

/// <summary>What a pod asks to be done after a container's start and before its end.</summary>
internal static class LifecycleHooks
{
    /// <summary>A hook has no time limit of its own; a postStart that never ends would hold its pod for ever. Arbitrary.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <param name="address">The pod's.</param>
    /// <param name="timeout">After it the hook counts as failed.</param>
    public static async Task<ProbeOutcome> RunAsync(
        V1LifecycleHandler hook, V1Container container, string address, RunningContainer running, NodeRuntime node, TimeSpan timeout, CancellationToken ct)
    {
        if (hook.Exec is { } exec)
            return await Prober.ExecAsync(exec.Command, running, node.Runc, timeout, ct);
        if (hook.HttpGet is { } http)
            return await node.Prober.GetAsync(http, container, address, timeout, ct);
        if (hook.Sleep is { } sleep)
        {
            var wanted = TimeSpan.FromSeconds(sleep.Seconds);
            await Task.WhenAny(running.Process.Exited, Task.Delay(wanted < timeout ? wanted : timeout, ct));
            return new ProbeOutcome(true, "");
        }

        return new ProbeOutcome(false, $"container {container.Name}: a hook must be one of exec, httpGet and sleep");
    }
}
