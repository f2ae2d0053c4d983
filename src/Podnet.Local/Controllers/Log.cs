using Microsoft.Extensions.Logging;

namespace Podnet.Local.Controllers;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "{Controller} {Key}: changed meanwhile, deciding again: {Reason}")]
    public static partial void Conflict(this ILogger logger, string controller, string? key, string reason);

    [LoggerMessage(2, LogLevel.Warning, "{Controller} {Key}: again in {Delay}: {Reason}")]
    public static partial void Refused(this ILogger logger, string controller, string? key, TimeSpan delay, string reason);

    [LoggerMessage(3, LogLevel.Error, "{Controller} {Key}: again in {Delay}")]
    public static partial void Failed(this ILogger logger, string controller, string? key, TimeSpan delay, Exception exception);

    [LoggerMessage(4, LogLevel.Warning, "event {Reason} about {Kind} {Name} is lost: {Failure}")]
    public static partial void EventLost(this ILogger logger, string reason, string kind, string name, string failure);

    [LoggerMessage(5, LogLevel.Debug, "{Kind} {Name}: the cache has not seen the write after {Waited}")]
    public static partial void CacheIsLate(this ILogger logger, string kind, string name, TimeSpan waited);

    [LoggerMessage(6, LogLevel.Information, "controllers run, {Elapsed} after they began to read")]
    public static partial void Running(this ILogger logger, TimeSpan elapsed);
}
