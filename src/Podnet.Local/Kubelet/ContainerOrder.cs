namespace Podnet.Local.Kubelet;

/// <summary>
/// In which order a pod's containers start: its init containers one after the other, each to its end, but for those with
/// restartPolicy Always, which only have to start and then run beside the others; then all the rest at once. Pure.
/// </summary>
internal static class ContainerOrder
{
    /// <summary>Those whose turn it is and that are not running; some may have to wait for their back-off.</summary>
    public static IEnumerable<PodContainer> Startable(IReadOnlyList<PodContainer> containers, string? restartPolicy)
    {
        foreach (var init in containers.Where(c => c.Role != ContainerRole.Main))
        {
            if (init.Running is null && init.MayStart(restartPolicy))
                yield return init;
            if (!init.LetsOthersStart)
                yield break;
        }

        foreach (var main in containers.Where(c => c.Role == ContainerRole.Main && c.Running is null && c.MayStart(restartPolicy)))
            yield return main;
    }

    public static bool IsInitialized(IReadOnlyList<PodContainer> containers) =>
        containers.All(c => c.Role == ContainerRole.Main || c.LetsOthersStart);

    /// <summary>An init container has failed for good: the pod never runs.</summary>
    public static bool HasFailed(IReadOnlyList<PodContainer> containers, string? restartPolicy) =>
        containers.Any(c => c is { Role: ContainerRole.Init, IsDone: false, Running: null, Ended: not null } && !c.MayStart(restartPolicy));

    /// <summary>Every container ran to its end and none is to run again; sidecars may still have to be ended.</summary>
    public static bool IsOver(IReadOnlyList<PodContainer> containers, string? restartPolicy) =>
        HasFailed(containers, restartPolicy)
        || containers.Where(c => c.Role == ContainerRole.Main).All(c => c is { Running: null, Ended: not null } && !c.MayStart(restartPolicy));
}
