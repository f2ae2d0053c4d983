using System.Net;
using Microsoft.Extensions.Logging;

namespace Podnet.Dns;

/// <summary>Everything that this project logs. Ids are 300 to 399 and stay what they are.</summary>
internal static partial class Log
{
    [LoggerMessage(300, LogLevel.Information, "DNS of {Domain} at {Address}, UDP and TCP")]
    public static partial void Listening(this ILogger logger, string domain, IPEndPoint address);

    [LoggerMessage(301, LogLevel.Information, "All names are known: {Count}")]
    public static partial void Synced(this ILogger logger, int count);

    [LoggerMessage(302, LogLevel.Error, "A query of {Length} bytes was not answered; this is a defect")]
    public static partial void QueryFailed(this ILogger logger, Exception error, int length);

    [LoggerMessage(303, LogLevel.Warning, "Accepting a connection at {Address} failed: {Reason}")]
    public static partial void AcceptFailed(this ILogger logger, IPEndPoint address, string reason);

    [LoggerMessage(304, LogLevel.Debug, "{Server} does not answer: {Reason}")]
    public static partial void UpstreamFailed(this ILogger logger, IPEndPoint server, string reason);
}
