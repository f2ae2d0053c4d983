using System.Net;
using Microsoft.Extensions.Logging;
using Podnet.Core.Model;

namespace Podnet.Agent;

/// <summary>Everything that this project logs. Ids are 200 to 299 and stay what they are.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Information, "Agent of node {Node}, proxy mode {Mode}, API server {Server}")]
    public static partial void Started(this ILogger logger, string node, ProxyMode mode, Uri server);

    [LoggerMessage(201, LogLevel.Information, "All caches are full: {Nodes} nodes, {Services} Services, {Slices} EndpointSlices")]
    public static partial void Synced(this ILogger logger, int nodes, int services, int slices);

    [LoggerMessage(202, LogLevel.Information, "{Part}: {Done}")]
    public static partial void PartApplied(this ILogger logger, string part, string done);

    [LoggerMessage(203, LogLevel.Error, "{Part}: failed, next try in {Delay}: {Reason}")]
    public static partial void PartFailed(this ILogger logger, string part, TimeSpan delay, string reason);

    [LoggerMessage(204, LogLevel.Information, "{Part}: works again after {Failures} failures")]
    public static partial void PartRecovered(this ILogger logger, string part, int failures);

    [LoggerMessage(205, LogLevel.Warning, "{Part}: somebody else changed them; put back: {Done}")]
    public static partial void PartRepaired(this ILogger logger, string part, string done);

    [LoggerMessage(206, LogLevel.Warning, "{Part}: somebody else changed them, and that cannot be put back yet: {Reason}")]
    public static partial void RepairFailed(this ILogger logger, string part, string reason);

    [LoggerMessage(207, LogLevel.Information, "Routes and rules are in place; Node condition NetworkUnavailable=False is set")]
    public static partial void ConditionSet(this ILogger logger);

    [LoggerMessage(208, LogLevel.Warning, "Cannot set the Node condition, next try in {Delay}: {Reason}")]
    public static partial void ConditionFailed(this ILogger logger, TimeSpan delay, string reason);

    [LoggerMessage(209, LogLevel.Information, "Stopping; routes and rules stay as they are")]
    public static partial void Stopping(this ILogger logger);

    [LoggerMessage(210, LogLevel.Information, "Set {Done}")]
    public static partial void SettingApplied(this ILogger logger, string done);

    [LoggerMessage(211, LogLevel.Warning, "Cannot be set from this network namespace or container, and stays as it is: {Reason}")]
    public static partial void SettingFailed(this ILogger logger, string reason);

    [LoggerMessage(212, LogLevel.Information, "Listening at {Address}")]
    public static partial void Listening(this ILogger logger, IPEndPoint address);

    [LoggerMessage(213, LogLevel.Error, "Cannot listen at {Address}, and goes on trying: {Reason}")]
    public static partial void CannotListen(this ILogger logger, IPEndPoint address, string reason);

    [LoggerMessage(214, LogLevel.Error, "Service {Service}: its healthCheckNodePort cannot be opened at {Address}, and is tried again: {Reason}")]
    public static partial void HealthCheckFailed(this ILogger logger, ObjectName service, IPEndPoint address, string reason);

    [LoggerMessage(215, LogLevel.Warning, "{Address}: a connection could not be accepted: {Reason}")]
    public static partial void AcceptFailed(this ILogger logger, IPEndPoint address, string reason);

    [LoggerMessage(216, LogLevel.Error, "{Address}: a request was not answered")]
    public static partial void AnswerFailed(this ILogger logger, Exception e, IPEndPoint address);

    [LoggerMessage(217, LogLevel.Warning, "Connections per Service cannot be counted now: {Reason}")]
    public static partial void CountsFailed(this ILogger logger, string reason);

    [LoggerMessage(218, LogLevel.Warning, "{Count} addresses are reserved and no route leads to them, so nobody has them until a GC of the CNI plugin takes them back: {Addresses}")]
    public static partial void AddressesLeaked(this ILogger logger, int count, string addresses);

    [LoggerMessage(219, LogLevel.Information, "Fast path: on, for established TCP connections that nothing translates")]
    public static partial void FastPathOn(this ILogger logger);

    [LoggerMessage(221, LogLevel.Warning, "Fast path: off, all packets go by the rules: {Reason}")]
    public static partial void FastPathOff(this ILogger logger, string reason);

    [LoggerMessage(220, LogLevel.Warning, "No Event can be written about {Kind} {Name}: {Reason}")]
    public static partial void EventFailed(this ILogger logger, string kind, string name, string reason);
}
