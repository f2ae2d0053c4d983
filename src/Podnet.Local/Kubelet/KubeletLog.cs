using Microsoft.Extensions.Logging;
using Podnet.Linux;

namespace Podnet.Local.Kubelet;

internal static partial class KubeletLog
{
    [LoggerMessage(3001, LogLevel.Information, "Pod {Pod}: run here")]
    public static partial void PodStarts(this ILogger logger, string pod);

    [LoggerMessage(3002, LogLevel.Information, "Pod {Pod}: gone from this machine")]
    public static partial void PodGone(this ILogger logger, string pod);

    [LoggerMessage(3003, LogLevel.Warning, "Pod {Pod}: no sandbox, next try in {Wait}: {Reason}")]
    public static partial void SandboxFailed(this ILogger logger, string pod, TimeSpan wait, string reason);

    [LoggerMessage(3004, LogLevel.Warning, "Pod {Pod}: container {Container} cannot be started: {Reason}")]
    public static partial void ContainerFailed(this ILogger logger, string pod, string container, string reason);

    [LoggerMessage(3005, LogLevel.Information, "Pod {Pod}: container {Container} ended: {Status}")]
    public static partial void ContainerEnded(this ILogger logger, string pod, string container, ExitStatus status);

    [LoggerMessage(3006, LogLevel.Error, "Pod {Pod}: its worker failed, next try in {Wait}")]
    public static partial void WorkerFailed(this ILogger logger, Exception failure, string pod, TimeSpan wait);

    [LoggerMessage(3007, LogLevel.Warning, "{What}: {Reason}")]
    public static partial void NotTold(this ILogger logger, string what, string reason);

    [LoggerMessage(3008, LogLevel.Information, "Node {Node}: pods get addresses of {PodCidrs}")]
    public static partial void NodeKnown(this ILogger logger, string node, string podCidrs);

    [LoggerMessage(3009, LogLevel.Warning, "log {Path} is not looked after: {Reason}")]
    public static partial void LogNotKept(this ILogger logger, string path, string reason);
}
