using Microsoft.Extensions.Logging;
using Podnet.Core.Model;

namespace Podnet.Kubernetes;

/// <summary>Everything that this project logs. Ids are 100 to 199 and stay what they are.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Warning, "{Kind} {Name} is left out, it cannot be read: {Reason}")]
    public static partial void ObjectBroken(this ILogger logger, string kind, ObjectName name, string reason);

    [LoggerMessage(101, LogLevel.Warning, "Listing {Resource} failed, next try in {Delay}: {Reason}")]
    public static partial void ListFailed(this ILogger logger, string resource, TimeSpan delay, string reason);

    [LoggerMessage(102, LogLevel.Warning, "The watch of {Resource} ended, next try in {Delay}: {Reason}")]
    public static partial void WatchFailed(this ILogger logger, string resource, TimeSpan delay, string reason);

    [LoggerMessage(103, LogLevel.Information, "{Resource}: {Count} listed at resourceVersion {Version}")]
    public static partial void Listed(this ILogger logger, string resource, int count, string version);

    [LoggerMessage(104, LogLevel.Information, "The watch of {Resource} works again")]
    public static partial void WatchRecovered(this ILogger logger, string resource);

    [LoggerMessage(105, LogLevel.Warning, "{Kind} {Name} is left out: {Problem}")]
    public static partial void ObjectLeftOut(this ILogger logger, string kind, string name, string problem);

    [LoggerMessage(106, LogLevel.Warning, "A part of {Kind} {Name} is left out: {Problem}")]
    public static partial void PartLeftOut(this ILogger logger, string kind, string name, string problem);

    [LoggerMessage(107, LogLevel.Information, "{Resource}: this API server has none for us, and is asked again now and then: {Reason}")]
    public static partial void KindAbsent(this ILogger logger, string resource, string reason);
}
