using k8s.Models;

namespace Podnet.Local.Controllers;

/// <summary>What a pod's status says, in the words that controllers decide by.</summary>
internal static class PodState
{
    /// <summary>Deletion has begun; the pod may run until its grace period is over.</summary>
    public static bool IsTerminating(this V1Pod pod) => pod.Metadata.DeletionTimestamp is not null;

    /// <summary>Its containers have ended and will not be started again.</summary>
    public static bool IsFinished(this V1Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    public static bool IsActive(this V1Pod pod) => !pod.IsTerminating() && !pod.IsFinished();

    public static bool IsBound(this V1Pod pod) => !string.IsNullOrEmpty(pod.Spec?.NodeName);

    public static bool IsReady(this V1Pod pod) => pod.ReadyCondition() is { Status: "True" };

    public static V1PodCondition? ReadyCondition(this V1Pod pod) => pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready");

    public static bool IsRunningAndReady(this V1Pod pod) => pod.Status?.Phase == "Running" && pod.IsReady();

    /// <summary>Ready for at least <paramref name="minReadySeconds"/> (seconds, null is 0).</summary>
    public static bool IsAvailable(this V1Pod pod, int? minReadySeconds, DateTime now) =>
        pod.IsReady() && pod.UntilAvailable(minReadySeconds, now) is null;

    /// <summary>How long a ready pod must stay ready to be available; null where it is available already, or not ready.</summary>
    public static TimeSpan? UntilAvailable(this V1Pod pod, int? minReadySeconds, DateTime now)
    {
        if (minReadySeconds is not > 0 || pod.ReadyCondition() is not { Status: "True" } ready) return null;
        var left = (ready.LastTransitionTime ?? now).AddSeconds(minReadySeconds.Value) - now;
        return left > TimeSpan.Zero ? left : null;
    }

    /// <summary>The soonest moment at which a ready pod becomes available; null where none will.</summary>
    public static TimeSpan? SoonestAvailable(this IEnumerable<V1Pod> pods, int? minReadySeconds, DateTime now) =>
        pods.Select(pod => pod.UntilAvailable(minReadySeconds, now)).Min();
}
